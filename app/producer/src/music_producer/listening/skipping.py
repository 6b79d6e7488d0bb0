"""How long a song is heard: skips as they were measured on Spotify.

The shares are those that Paul Lamere published from Spotify's logs ("The Skip", Music Machinery, 2014): of
all plays 24.05 % are skipped within 5 s, 28.97 % within 10 s, 35.05 % within 30 s and 48.6 % before the end;
a listener skips 14.65 times an hour; more on mobile than on desktop; teenagers over half of their plays,
falling to about 35 % in the late forties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SKIPPED_AT_ALL = 0.486
SKIPPED_WITHIN = {5_000: 0.2405, 10_000: 0.2897, 30_000: 0.3505}
"""Milliseconds -> share of all plays that are skipped before."""

SKIPPED_ON_MOBILE, SKIPPED_ON_DESKTOP = 0.511, 0.401
"""The order is the published one, how far apart they are is our choice."""

AGES = np.array([13.0, 18.0, 22.0, 27.0, 32.0, 37.0, 42.0, 47.0, 55.0, 65.0])
SKIPPED_AT_AGE = np.array([0.56, 0.55, 0.53, 0.50, 0.46, 0.42, 0.37, 0.35, 0.37, 0.39])
"""Share of skipped plays by age, between which it runs straight: read off the published chart."""

_SHORTEST_MS = 300
TASTE_WEIGHT = 0.35
"""How much a song that fits better by one standard deviation lowers the log odds of a skip."""

_BOUNDS = np.array([_SHORTEST_MS, *SKIPPED_WITHIN])
_UPPER_BOUNDS = np.append(_BOUNDS[1:], 0)
_SHARES = np.array([0.0, *SKIPPED_WITHIN.values(), SKIPPED_AT_ALL]) / SKIPPED_AT_ALL


def logit(share: Floats) -> Floats:
    """Return the log odds."""
    return np.asarray(np.log(share) - np.log1p(-share))


def expit(log_odds: Floats) -> Floats:
    """Return the share of the log odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def age_log_odds(age_years: Floats) -> Floats:
    """Return the log odds of a skip by age."""
    return logit(np.interp(age_years, AGES, SKIPPED_AT_AGE))


MOBILE_LOG_ODDS = float(logit(np.array(SKIPPED_ON_MOBILE)) - logit(np.array(SKIPPED_AT_ALL)))
DESKTOP_LOG_ODDS = float(logit(np.array(SKIPPED_ON_DESKTOP)) - logit(np.array(SKIPPED_AT_ALL)))


_MEAN_SKIP_MS, _MEAN_SONG_MS = 30_000, 220_000
"""How long a skipped and another song are heard, about."""


def balance(log_odds: Floats, time_weights: Floats) -> float:
    """Return what to add to the log odds so that SKIPPED_AT_ALL of all plays are skipped.

    `time_weights` says how long each listener listens; whoever skips more plays more songs in as much time.
    """
    low, high = -5.0, 5.0
    for _ in range(50):
        middle = (low + high) / 2
        share = expit(log_odds + middle)
        plays = time_weights / (share * _MEAN_SKIP_MS + (1 - share) * _MEAN_SONG_MS)
        if np.average(share, weights=plays) < SKIPPED_AT_ALL:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def skip_moment_ms(quantiles: Floats, duration_ms: Ints) -> Ints:
    """Return after how much of the song a skip comes, always before its end.

    Args:
        quantiles: even draws of [0, 1).
        duration_ms: the songs' lengths.
    """
    part = np.searchsorted(_SHARES, quantiles, side="right") - 1
    within = (quantiles - _SHARES[part]) / (_SHARES[part + 1] - _SHARES[part])
    lower = _BOUNDS[part]
    upper = np.where(part == len(SKIPPED_WITHIN), duration_ms, _UPPER_BOUNDS[part])
    return np.asarray(np.minimum((lower + within * (upper - lower)).astype(np.int64), duration_ms - 1))
