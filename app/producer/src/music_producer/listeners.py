"""Who listens: users and their devices; columns of numbers, turned to records on demand."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from music_contract import schemas, times
from numpy.typing import NDArray

from music_producer.chance import Weighted, choice_table, draws
from music_producer.dates import WORLD_START_MS, WORLD_START_TEXT, day_before_start
from music_producer.places import Place
from music_producer.words import NamePool

SUBSCRIPTIONS = schemas.vocabulary("user", "subscription")
_SUBSCRIPTION_SHARES = {"free": 0.55, "premium": 0.28, "family": 0.11, "student": 0.06}
_SUBSCRIPTION_CHOICE = Weighted([_SUBSCRIPTION_SHARES[name] for name in SUBSCRIPTIONS])
_GENDERS, _GENDER_CHOICE = choice_table([("female", 48), ("male", 48), ("nonbinary", 2), ("undisclosed", 2)])
_YOUNGEST, _OLDEST = 13, 85
_STUDENT_AGES = (18, 30)
_DAY_MS = 86_400_000
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
_APP_VERSIONS, _APP_VERSION_CHOICE = choice_table(
    [("9.4.1", 55), ("9.4.0", 20), ("9.3.2", 12), ("9.1.0", 8), ("8.9.5", 5)]
)


@dataclass(frozen=True)
class Listeners:
    """Columns by user, and by device; a user's devices lie side by side, the first is a phone."""

    seed: int
    location: NDArray[np.int16]
    """Number of the place in which the user lives."""
    gender: NDArray[np.int8]
    age_days: NDArray[np.int32]
    """Days from birth to the world's start."""
    subscription: NDArray[np.int8]
    signed_up_ms: NDArray[np.int64]
    first_device: NDArray[np.int32]
    """Number of each user's first device; one more entry at the end: the count of all devices."""
    device_model: NDArray[np.int8]

    @property
    def users(self) -> int:
        """How many users there are."""
        return len(self.location)


def make_listeners(seed: int, users: int, places: tuple[Place, ...]) -> Listeners:
    """Make users who live in the places by their population, and the devices of each."""
    where = Weighted([place.population for place in places])
    age_years = _YOUNGEST + draws(seed, "user.age").beta(1.6, 3.0, users) * (_OLDEST - _YOUNGEST)
    subscription = _SUBSCRIPTION_CHOICE.pick(draws(seed, "user.subscription"), users)
    no_student = (age_years < _STUDENT_AGES[0]) | (age_years > _STUDENT_AGES[1])
    student, free = SUBSCRIPTIONS.index("student"), SUBSCRIPTIONS.index("free")
    subscription[no_student & (subscription == student)] = free
    membership = draws(seed, "user.signed_up").beta(1.0, 1.6, users) * _SERVICE_AGE_DAYS * _DAY_MS
    counts = _DEVICE_COUNT.pick(draws(seed, "user.devices"), users)
    first_device = np.concatenate(([0], np.cumsum(counts)))
    models = draws(seed, "device.model").random(first_device[-1])
    device_model = _ANY_MODEL.at(models)
    device_model[first_device[:-1]] = _PHONE_MODEL.at(models[first_device[:-1]])
    return Listeners(
        seed=seed,
        location=where.pick(draws(seed, "user.location"), users).astype(np.int16),
        gender=_GENDER_CHOICE.pick(draws(seed, "user.gender"), users).astype(np.int8),
        age_days=(age_years * _DAYS_A_YEAR).astype(np.int32),
        subscription=subscription.astype(np.int8),
        signed_up_ms=(WORLD_START_MS - 1 - membership).astype(np.int64),
        first_device=first_device.astype(np.int32),
        device_model=device_model.astype(np.int8),
    )


def user_id(user: int) -> str:
    """Return the id of the user with this number."""
    return f"user-{user:06d}"


def device_id(user: int, place: int) -> str:
    """Return the id of a user's device, counted from 0 for each user."""
    return f"device-{user:06d}-{place + 1}"


def user_records(
    listeners: Listeners, places: tuple[Place, ...], names: dict[str, NamePool]
) -> Iterator[dict[str, Any]]:
    """Yield the dimension records, schema ``user``."""
    picks = draws(listeners.seed, "user.name").random((listeners.users, 3))
    for user in range(listeners.users):
        place = places[listeners.location[user]]
        gender = _GENDERS[listeners.gender[user]]
        name = _name(names[place.country], gender, *picks[user])
        yield {
            "user_id": user_id(user),
            "name": name,
            "email": f"{_mailbox(name)}.{user}@example.com",
            "birth_date": day_before_start(int(listeners.age_days[user])),
            "gender": gender,
            "country": place.country,
            "location_id": place.location_id,
            "subscription": SUBSCRIPTIONS[listeners.subscription[user]],
            "signed_up_at": times.to_text(int(listeners.signed_up_ms[user])),
            "updated_at": WORLD_START_TEXT,
        }


def device_records(listeners: Listeners) -> Iterator[dict[str, Any]]:
    """Yield the dimension records, schema ``device``."""
    devices = len(listeners.device_model)
    versions = _APP_VERSION_CHOICE.pick(draws(listeners.seed, "device.version"), devices)
    owners = np.repeat(np.arange(listeners.users), np.diff(listeners.first_device))
    for device, owner in enumerate(owners.tolist()):
        device_type, platform, model, _ = DEVICE_MODELS[listeners.device_model[device]]
        yield {
            "device_id": device_id(owner, device - int(listeners.first_device[owner])),
            "user_id": user_id(owner),
            "device_type": device_type,
            "platform": platform,
            "model": model,
            "app_version": _APP_VERSIONS[versions[device]],
            "updated_at": WORLD_START_TEXT,
        }


def _name(pool: NamePool, gender: str, first: float, last: float, coin: float) -> str:
    female = gender == "female" or (gender != "male" and coin < 0.5)
    firsts = pool.female if female else pool.male
    return f"{firsts[int(first * len(firsts))]} {pool.last[int(last * len(pool.last))]}"


def _mailbox(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    letters = "".join(character if character.isalnum() else "." for character in plain).strip(".")
    return letters or "listener"
