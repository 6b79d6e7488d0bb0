"""Who listens: users and their devices, in columns of numbers.

Users change with the world's calendar: new ones sign up, plans change, people move, some leave. All of it is
drawn when the world is made, so that the state at a moment depends on the seed alone, not on when a run
began.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_producer.world.chance import Weighted, choice_table, draws
from music_producer.world.dates import CHANGING_DAYS, DAY_MS, WORLD_START_MS
from music_producer.world.places import Place

SUBSCRIPTIONS = ("free", "premium", "family", "student")
"""All of the contract but unknown: the simulation knows."""
FREE = SUBSCRIPTIONS.index("free")
_PAID_SHARES = {"free": 0.0, "premium": 0.62, "family": 0.25, "student": 0.13}
_PAID_CHOICE = Weighted([_PAID_SHARES[name] for name in SUBSCRIPTIONS])
GENDERS, _GENDER_CHOICE = choice_table([("female", 48), ("male", 48), ("nonbinary", 2), ("undisclosed", 2)])
_YOUNGEST, _OLDEST = 13, 85
_STUDENT_AGES = (18, 30)

NEVER_MS = np.iinfo(np.int64).max
"""Stands for a moment that does not come."""

LATER_USERS_SHARE = 0.2
PLAN_CHANGE_SHARE, MOVE_SHARE, CANCEL_SHARE = 0.6, 0.3, 0.12
"""Share of the users of the world's start that sign up, change their plan, move, or leave in its three
years.
"""

_SERVICE_AGE_DAYS = 3_650
_DAYS_A_YEAR = 365.25

DEVICE_MODELS: tuple[tuple[str, str, str, float], ...] = (
    ("phone", "android", "Galaxy S24", 18), ("phone", "android", "Pixel 9", 8),
    ("phone", "android", "Redmi Note 13", 12), ("phone", "ios", "iPhone 15", 16),
    ("phone", "ios", "iPhone 13", 10),
    ("desktop", "windows", "Windows PC", 10), ("desktop", "macos", "MacBook", 5),
    ("desktop", "linux", "Linux PC", 1),
    ("desktop", "web", "Web Player", 5), ("tablet", "ios", "iPad", 3), ("tablet", "android", "Galaxy Tab", 2),
    ("speaker", "embedded", "Echo Dot", 3), ("speaker", "embedded", "Sonos One", 1.5),
    ("tv", "embedded", "Bravia", 1.5), ("tv", "android", "Chromecast", 1),
    ("car", "embedded", "CarPlay Unit", 2),
    ("console", "embedded", "PlayStation 5", 1), ("wearable", "embedded", "Galaxy Watch", 0.5),
)  # fmt: skip
"""Device type, platform, model and weight."""

_PHONES = 5
_ANY_MODEL = Weighted([weight for *_, weight in DEVICE_MODELS])
_PHONE_MODEL = Weighted([weight for *_, weight in DEVICE_MODELS[:_PHONES]])
_DEVICE_COUNT = Weighted([0, 0.35, 0.35, 0.2, 0.1])


@dataclass(frozen=True)
class Listeners:
    """Columns by user, and by device; a user's devices lie side by side, the first is a phone.

    Users are in the order of their coming: those of the world's start, then those who sign up later.
    """

    seed: int
    location: NDArray[np.int16]
    """Number of the place in which the user lives at first."""
    gender: NDArray[np.int8]
    age_days: NDArray[np.int32]
    """Days from birth to the world's start."""
    subscription: NDArray[np.int8]
    """The user's first plan."""
    signed_up_ms: NDArray[np.int64]
    plan_ms: NDArray[np.int64]
    """When the plan becomes `plan_after`; NEVER_MS for most."""
    plan_after: NDArray[np.int8]
    move_ms: NDArray[np.int64]
    move_to: NDArray[np.int16]
    cancel_ms: NDArray[np.int64]
    first_device: NDArray[np.int32]
    """Number of each user's first device; one more entry at the end: the count of all devices."""
    device_model: NDArray[np.int8]

    @property
    def users(self) -> int:
        """How many users there are, those included that sign up later."""
        return len(self.location)

    def subscriptions_at(self, users: NDArray[np.int64], at_ms: NDArray[np.int64] | int) -> NDArray[np.int8]:
        """Return the plans of users at moments."""
        return np.where(self.plan_ms[users] <= at_ms, self.plan_after[users], self.subscription[users])

    def locations_at(self, users: NDArray[np.int64], at_ms: NDArray[np.int64] | int) -> NDArray[np.int16]:
        """Return the numbers of the places in which users live at moments."""
        return np.where(self.move_ms[users] <= at_ms, self.move_to[users], self.location[users])

    def changed_ms(self, users: NDArray[np.int64], at_ms: int) -> NDArray[np.int64]:
        """Return when each user's state of that moment became true, the world's start at the earliest."""
        changed = np.maximum(self.signed_up_ms[users], WORLD_START_MS)
        for column in (self.plan_ms, self.move_ms):
            moments = column[users]
            changed = np.where(moments <= at_ms, np.maximum(changed, moments), changed)
        return changed

    def devices_of(self, users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the devices of users, two columns: whose each is, and which of theirs, from 0."""
        counts = self.first_device[users + 1] - self.first_device[users]
        place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(users, counts), place

    def present_at(self, at_ms: int) -> NDArray[np.int64]:
        """Return the users who have signed up by then and not left."""
        return np.flatnonzero((self.signed_up_ms <= at_ms) & (self.cancel_ms > at_ms))


def make_listeners(seed: int, users: int, places: tuple[Place, ...], paid_share: float = 0.45) -> Listeners:
    """Make users who live in the places by their population, and the devices of each.

    `users` are there at the world's start; later come LATER_USERS_SHARE of them. `paid_share` of the users
    pay.
    """
    everyone = users + int(users * LATER_USERS_SHARE)
    where = Weighted([place.population for place in places])
    # Services of this kind are used by the young above all.
    age_years = _YOUNGEST + draws(seed, "user.age").beta(1.3, 3.9, everyone) * (_OLDEST - _YOUNGEST)
    membership = draws(seed, "user.signed_up").beta(1.0, 1.6, everyone) * _SERVICE_AGE_DAYS * DAY_MS
    signed_up = (WORLD_START_MS - 1 - membership).astype(np.int64)
    later = np.arange(1, everyone - users + 1) / (everyone - users + 1)
    signed_up[users:] = WORLD_START_MS + (later * CHANGING_DAYS * DAY_MS).astype(np.int64)
    counts = _DEVICE_COUNT.pick(draws(seed, "user.devices"), everyone)
    first_device = np.concatenate(([0], np.cumsum(counts)))
    models = draws(seed, "device.model").random(first_device[-1])
    device_model = _ANY_MODEL.at(models)
    device_model[first_device[:-1]] = _PHONE_MODEL.at(models[first_device[:-1]])
    plans = [
        _plans(draws(seed, f"user.{purpose}").random((everyone, 2)), age_years, paid_share)
        for purpose in ("subscription", "plan_after")
    ]
    plan_ms = _change_moments(seed, "user.plan", PLAN_CHANGE_SHARE, signed_up)
    plan_ms[plans[0] == plans[1]] = NEVER_MS
    return Listeners(
        seed=seed,
        location=where.pick(draws(seed, "user.location"), everyone).astype(np.int16),
        gender=_GENDER_CHOICE.pick(draws(seed, "user.gender"), everyone).astype(np.int8),
        age_days=(age_years * _DAYS_A_YEAR).astype(np.int32),
        subscription=plans[0],
        signed_up_ms=signed_up,
        plan_ms=plan_ms,
        plan_after=plans[1],
        move_ms=_change_moments(seed, "user.move", MOVE_SHARE, signed_up),
        move_to=where.pick(draws(seed, "user.move_to"), everyone).astype(np.int16),
        cancel_ms=_change_moments(seed, "user.cancel", CANCEL_SHARE, signed_up),
        first_device=first_device.astype(np.int32),
        device_model=device_model.astype(np.int8),
    )


def _plans(
    chance: NDArray[np.float64], age_years: NDArray[np.float64], paid_share: float
) -> NDArray[np.int8]:
    """Draw a plan a user from two draws each; only who is of an age to study is a student."""
    plan = np.where(chance[:, 0] < paid_share, _PAID_CHOICE.at(chance[:, 1]), FREE)
    no_student = (age_years < _STUDENT_AGES[0]) | (age_years > _STUDENT_AGES[1])
    plan[no_student & (plan == SUBSCRIPTIONS.index("student"))] = SUBSCRIPTIONS.index("premium")
    return plan.astype(np.int8)


def _change_moments(
    seed: int, purpose: str, share: float, signed_up_ms: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Draw when each user changes, evenly over the world's three years, `share` of them at all."""
    chance = draws(seed, purpose).random(len(signed_up_ms))
    moments = WORLD_START_MS + (chance / share * CHANGING_DAYS * DAY_MS).astype(np.int64)
    moments[(chance >= share) | (moments <= signed_up_ms)] = NEVER_MS
    return moments
