"""Reproducible randomness: independent streams by purpose, and weighted choice over arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def draws(seed: int, purpose: str) -> np.random.Generator:
    """Return the stream of randomness for one purpose.

    Each purpose has its own, so that a draw added for one changes nothing for the others, and so that the
    first thousand users are the same whether a thousand or a million are made.
    """
    return np.random.default_rng([seed, *purpose.encode()])


class Weighted:
    """A choice among 0 .. n-1 by weight."""

    def __init__(self, weights: ArrayLike) -> None:
        sums = np.cumsum(np.asarray(weights, dtype=np.float64))
        self._sums = sums / sums[-1]

    def __len__(self) -> int:
        return len(self._sums)

    def pick(self, chance: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Draw `count` choices, with repetition."""
        return self.at(chance.random(count))

    def at(self, quantiles: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the choices at quantiles from [0, 1)."""
        return np.searchsorted(self._sums, quantiles, side="right").astype(np.int64)


def zipf_weights(count: int, exponent: float) -> NDArray[np.float64]:
    """Weights 1/rank^exponent of ranks 1 .. count: few are heard often, most seldom (Zipf's law)."""
    return np.asarray(np.arange(1, count + 1, dtype=np.float64) ** -exponent)


def below(chance: np.random.Generator, limit: int, count: int) -> NDArray[np.int64]:
    """Draw `count` whole numbers from 0 .. limit-1, evenly."""
    return (chance.random(count) * limit).astype(np.int64)


def choice_table(weights: Sequence[tuple[str, float]]) -> tuple[tuple[str, ...], Weighted]:
    """Split pairs of value and weight into the values and the choice among them."""
    return tuple(value for value, _ in weights), Weighted([weight for _, weight in weights])
