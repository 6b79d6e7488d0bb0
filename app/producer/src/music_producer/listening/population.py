"""Who the listeners are over a run: their taste and activity, how they skip, and how much they can hear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from music_contract import rules
from numpy.typing import NDArray

from music_producer.listening import rhythm, skipping
from music_producer.listening.experiments import Assignment
from music_producer.listening.playbacks import Ints
from music_producer.listening.taste import Taste
from music_producer.world.chance import Hashed, draws, member_keys
from music_producer.world.dates import HOUR_MS, MINUTE_MS, SECOND_MS, WORLD_START_MS
from music_producer.world.listeners import DEVICE_MODELS
from music_producer.world.world import World

ACTIVITY_SPREAD = 1.1
"""Sigma of the lognormal that says how much more often some listeners begin a session than others."""
SESSION_MEDIAN_MS, SESSION_SPREAD = 25 * MINUTE_MS, 1.0
"""Median and sigma of the lognormal of a session's length."""
LONGEST_SESSION_MS = 12 * HOUR_MS
MEAN_SESSION_MS = SESSION_MEDIAN_MS * np.exp(SESSION_SPREAD**2 / 2)
MEAN_PLAYBACK_MS = 129 * SECOND_MS
"""From one event of a session to the next, browsing and pauses included: what the model comes to."""
BUSIEST_SHARE = 0.35
"""Share of their time that listeners listen at most, all together; for more events more listeners are
needed.
"""

SESSION_GAP_MS = int(rules.SESSION_GAP.total_seconds() * 1000)
_PHONE_WEIGHT = 2.5
"""How much more often the first device, a phone, is taken than each of the others."""
_DEVICE = 4
"""The purpose of the draw of a device, at which the skips are calibrated."""

_MOBILE = np.array([kind in ("phone", "tablet", "wearable", "car") for kind, *_ in DEVICE_MODELS])
DEVICE_LOG_ODDS = np.where(_MOBILE, skipping.MOBILE_LOG_ODDS, skipping.DESKTOP_LOG_ODDS)


@dataclass(frozen=True)
class Behaviour:
    """Shares of what listeners do."""

    zipf_exponent: float = 0.9
    shuffle_share: float = 0.35
    offline_share: float = 0.06
    """Of the sessions of users who pay."""
    context_switch_share: float = 0.08
    """Of the playbacks, after which the listener looks for something else."""
    device_switch_share: float = 0.01


class Population:
    """What stays the same of the listeners over a run: keys of chance, activity, the skip's log odds."""

    def __init__(self, world: World, behaviour: Behaviour, assignment: Assignment) -> None:
        self.world = world
        self.behaviour = behaviour
        self.assignment = assignment
        listeners, catalogue = world.listeners, world.catalogue
        self.taste = Taste(world.seed, catalogue, listeners.users, behaviour.zipf_exponent)
        self.local_time = rhythm.LocalTime([place.time_zone for place in world.places])
        age_years = listeners.age_days / 365.25
        spread = draws(world.seed, "user.activity").lognormal(0.0, ACTIVITY_SPREAD, listeners.users)
        # Whoever is young has more time for music.
        self.activity = spread * np.interp(age_years, [15, 25, 45, 65], [1.5, 1.3, 0.8, 0.6])
        self.activity /= self.activity.mean()
        self.age_log_odds = skipping.age_log_odds(age_years)
        self.device_counts = np.diff(listeners.first_device)
        self.song_artist = catalogue.song_artist
        self.last_song_of_album = np.append(catalogue.album_first_song[1:], catalogue.songs) - 1
        self.typical_fit, self.fit_spread, self.skip_balance = self._calibrate()

    def _calibrate(self) -> tuple[float, float, float]:
        """Return mean and spread of how well heard songs fit, and what brings skips to their published
        share.
        """
        sample = np.arange(min(self.world.listeners.users, 20_000))
        chance = Hashed(member_keys(self.world.seed, "calibration", sample))
        moments = np.full(len(sample), WORLD_START_MS)
        songs = self.taste.choose(self.taste.user_factors[sample], moments, chance)
        fits = self.taste.fit(sample, songs)
        mean, spread = float(fits.mean()), float(fits.std()) or 1.0
        device = self.world.listeners.first_device[sample] + device_at(
            self.device_counts[sample], chance.uniform(_DEVICE)
        )
        odds = self.age_log_odds[sample] + DEVICE_LOG_ODDS[self.world.listeners.device_model[device]]
        odds = odds - skipping.TASTE_WEIGHT * (fits - mean) / spread
        return mean, spread, skipping.balance(odds, self.activity[sample])


def device_at(counts: Ints, quantiles: NDArray[np.float64]) -> Ints:
    """Return the device with which a session begins, of so many: the first, a phone, more often than
    others.
    """
    weights = quantiles * (counts - 1 + _PHONE_WEIGHT)
    return np.clip(np.floor(weights - _PHONE_WEIGHT).astype(np.int64) + 1, 0, counts - 1)


def listeners_needed(users: int, rate: float) -> int:
    """Return how many listeners each user must stand for, so that `rate` events a second can be made."""
    most = users * BUSIEST_SHARE * 1000 / MEAN_PLAYBACK_MS
    return max(1, int(np.ceil(rate / most)))


def sessions_a_ms(activity: NDArray[np.float64], rate: float) -> float:
    """Return how many sessions a listener of activity 1 must begin a millisecond while away.

    So that all of them make `rate` events a second: each is away for 1/x on average, then for the gap and the
    session itself.
    """
    events_a_session = MEAN_SESSION_MS / MEAN_PLAYBACK_MS + 0.5
    low, high = 1e-16, 1e-2
    for _ in range(60):
        middle = (low * high) ** 0.5
        cycle_ms = 1.0 / (middle * activity) + SESSION_GAP_MS + MEAN_SESSION_MS
        if (events_a_session / cycle_ms).sum() * 1000 < rate:
            low = middle
        else:
            high = middle
    return float((low * high) ** 0.5)
