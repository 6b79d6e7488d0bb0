"""Reproducible randomness: independent streams by purpose, and weighted choice over arrays.

Two kinds. `draws` makes a generator that gives one value after the other: for worlds, which are made once and
in one order. `Hashed` computes each value from who draws, how often they drew before, and for what: no order
of calls and no size of a batch changes it, so that a simulation makes the same events in steps of any length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_PURPOSE, _ALL_BITS = 0xD1342543DE82EF95, 2**64 - 1
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def draws(seed: int, purpose: str) -> np.random.Generator:
    """Return the stream of randomness for one purpose.

    Each purpose has its own, so that a draw added for one changes nothing for the others, and so that the
    first thousand users are the same whether a thousand or a million are made.
    """
    return np.random.default_rng([seed, *purpose.encode()])


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter the bits of each value: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    scattered = values ^ (values >> np.uint64(30))
    scattered *= _FIRST
    scattered ^= scattered >> np.uint64(27)
    scattered *= _SECOND
    scattered ^= scattered >> np.uint64(31)
    return scattered


def member_keys(seed: int, purpose: str, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the key of each of the numbered members, from which `Hashed` draws; numbers count from 0."""
    salt = draws(seed, purpose).integers(0, 2**63, dtype=np.uint64)
    return mixed((numbers.astype(np.uint64) + np.uint64(1)) * _GOLDEN + salt)


class Hashed:
    """The draws of some members at one step each of their own streams."""

    def __init__(self, keys: NDArray[np.uint64], steps: NDArray[np.uint64] | None = None) -> None:
        self._state = mixed(keys if steps is None else keys + steps * _GOLDEN)

    def bits(self, purpose: int) -> NDArray[np.uint64]:
        """Return 64 evenly drawn bits a member."""
        return mixed(self._state + np.uint64(purpose * _PURPOSE & _ALL_BITS))

    def uniform(self, purpose: int) -> NDArray[np.float64]:
        """Return an evenly drawn number of [0, 1) a member."""
        return _to_unit(self.bits(purpose))

    def uniforms(self, count: int, first: int = 0) -> NDArray[np.float64]:
        """Return columns of evenly drawn numbers, a row a member: the purposes from `first` on."""
        purposes = np.arange(first, first + count, dtype=np.uint64) * np.uint64(_PURPOSE)
        # Long rows under each other are computed several times faster than short ones.
        return _to_unit(mixed(purposes[:, None] + self._state)).T

    def some(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Hashed:
        """Return the draws of some of the members alone."""
        part = Hashed.__new__(Hashed)
        part._state = self._state[rows]
        return part


def _to_unit(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    return np.asarray((bits >> np.uint64(11)) * _TO_UNIT, dtype=np.float64)


def picks(seed: int, purpose: str, numbers: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return `count` draws for each numbered thing, a row each: the same for a thing whichever are asked."""
    return Hashed(member_keys(seed, purpose, numbers)).uniforms(count)


def normal(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn two even draws of [0, 1) to one of the standard normal distribution (Box and Muller 1958)."""
    return np.asarray(np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second))


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


class Zipf:
    """A choice among ranks 0 .. n-1 with probability about 1 / (rank + 1) ** exponent (Zipf's law).

    The inverse of the continuous law on [1, n + 1), rounded down: no table that grows with n.
    """

    def __init__(self, count: int, exponent: float) -> None:
        self._count = count
        self._power = 1.0 - exponent
        self._end = np.log(count + 1.0) if abs(self._power) < 1e-9 else (count + 1.0) ** self._power - 1.0

    def at(self, quantiles: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the ranks at quantiles from [0, 1)."""
        if abs(self._power) < 1e-9:
            ranks = np.exp(quantiles * self._end)
        else:
            ranks = (quantiles * self._end + 1.0) ** (1.0 / self._power)
        return np.asarray(np.minimum(ranks.astype(np.int64) - 1, self._count - 1))


def choice_table(weights: Sequence[tuple[str, float]]) -> tuple[tuple[str, ...], Weighted]:
    """Split pairs of value and weight into the values and the choice among them."""
    return tuple(value for value, _ in weights), Weighted([weight for _, weight in weights])
