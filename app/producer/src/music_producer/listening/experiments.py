"""Experiments: who sees which variant, and what it changes.

A listener's variant follows from a hash of experiment and user alone, so anyone can compute it. The effect
that is injected is stated, so what an analysis finds can be compared with the truth; an A/A experiment has
none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_producer.world import columns
from music_producer.world.identifiers import user_ids

METRICS = ("skip_rate", "session_length", "like_rate")
VARIANTS = ("control", "treatment")
_TEXT = re.compile(r"([A-Za-z0-9_.-]{1,64}):(?:(?:(\w+)([+-]\d+(?:\.\d+)?)%)|none)")


@dataclass(frozen=True)
class Experiment:
    """One experiment with two variants, half of the listeners each."""

    name: str
    metric: str | None
    """Which of METRICS the treatment changes; None for an A/A experiment."""
    effect: float
    """By how much, relative: -0.1 is a tenth less."""

    @classmethod
    def parse(cls, text: str) -> Experiment:
        """Read ``name:metric-10%`` or ``name:none``; ValueError with a sentence when it is not of that
        form.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no experiment: write name:skip_rate-10% or name:none")
        name, metric, percent = found.groups()
        if metric is not None and metric not in METRICS:
            raise ValueError(f"{text!r}: {metric!r} cannot be changed; {', '.join(METRICS)} can")
        effect = float(percent) / 100 if percent else 0.0
        if effect <= -1:
            raise ValueError(f"{text!r}: an effect lies above -100%")
        return cls(name, metric, effect)


def variant_number(experiment: str, user_id: str) -> int:
    """Return 0 (control) or 1 (treatment): the lowest bit of SHA-256 over ``experiment:user_id``."""
    return hashlib.sha256(f"{experiment}:{user_id}".encode()).digest()[-1] & 1


@dataclass(frozen=True)
class Assignment:
    """The variants of all users in all experiments."""

    experiments: tuple[Experiment, ...]
    code: NDArray[np.int32]
    """By user: bit n is the variant in experiment n."""

    def factor(self, metric: str, users: NDArray[np.int64]) -> Any:
        """Return by what the metric is multiplied: a number a user, or one for all."""
        product: Any = 1.0
        for bit, experiment in enumerate(self.experiments):
            if experiment.metric == metric:
                treated = self.code[users] >> bit & 1
                product = product * (1.0 + treated * experiment.effect)
        return product

    def texts(self) -> list[bytes]:
        """Return the JSON object of each code."""
        return [
            b"{%b}"
            % b",".join(
                b'"%b":"%b"' % (experiment.name.encode(), VARIANTS[code >> bit & 1].encode())
                for bit, experiment in enumerate(self.experiments)
            )
            for code in range(1 << len(self.experiments))
        ]


def assign(experiments: Iterable[Experiment], users: int) -> Assignment:
    """Give every user a variant in each experiment."""
    chosen = tuple(experiments)
    code = np.zeros(users, dtype=np.int32)
    if chosen:
        ids = columns.strings(user_ids(np.arange(users))).to_pylist()
        for bit, experiment in enumerate(chosen):
            variants = (variant_number(experiment.name, user_id) for user_id in ids)
            code |= np.fromiter(variants, dtype=np.int32, count=users) << bit
    return Assignment(chosen, code)
