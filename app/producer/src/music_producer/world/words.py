"""Names and titles: Faker fills pools of words once, from the seed; the rest is choosing from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from faker import Faker
from faker.config import AVAILABLE_LOCALES

_FALLBACK_LOCALE = "en_US"
_PROVIDERS = ["faker.providers.person", "faker.providers.lorem"]
_FIRST_NAMES = 80
_LAST_NAMES = 160
_WORDS = 300
_LABELS = 60


@dataclass(frozen=True)
class NamePool:
    """Names as they are usual in one country."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    last: tuple[str, ...]


@dataclass(frozen=True)
class TitlePool:
    """Words of which titles and band names are made, capitalised."""

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    labels: tuple[str, ...]


def name_pools(countries: Iterable[str], seed: int) -> dict[str, NamePool]:
    """Return the pool of each country (ISO 2); one for which Faker has no locale gets English names."""
    by_country = {locale[-2:]: locale for locale in sorted(AVAILABLE_LOCALES, reverse=True) if "_" in locale}
    by_locale: dict[str, NamePool] = {}
    pools = {}
    for country in sorted(set(countries)):
        locale = by_country.get(country, _FALLBACK_LOCALE)
        if locale not in by_locale:
            by_locale[locale] = _name_pool(locale, seed)
        pools[country] = by_locale[locale]
    return pools


def title_pool(seed: int) -> TitlePool:
    """Return the words for titles, and record labels."""
    fake = _seeded(_FALLBACK_LOCALE, seed)
    return TitlePool(
        adjectives=_fill(_WORDS, lambda: fake.word(part_of_speech="adjective").capitalize()),
        nouns=_fill(_WORDS, lambda: fake.word(part_of_speech="noun").capitalize()),
        verbs=_fill(_WORDS, lambda: fake.word(part_of_speech="verb").capitalize()),
        labels=_fill(_LABELS, lambda: f"{fake.last_name()} Records"),
    )


def _name_pool(locale: str, seed: int) -> NamePool:
    fake = _seeded(locale, seed)
    return NamePool(
        female=_fill(_FIRST_NAMES, fake.first_name_female),
        male=_fill(_FIRST_NAMES, fake.first_name_male),
        last=_fill(_LAST_NAMES, fake.last_name),
    )


def _seeded(locale: str, seed: int) -> Faker:
    # Weighting makes some locales a hundred times slower and only repeats the common names.
    # Two of Faker's forty providers are enough, and start ten times faster than all.
    fake = Faker(locale, providers=_PROVIDERS, use_weighting=False)
    fake.seed_instance(seed)
    return fake


def _fill(size: int, make: Callable[[], str]) -> tuple[str, ...]:
    return tuple(make() for _ in range(size))
