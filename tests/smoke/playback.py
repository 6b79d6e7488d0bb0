"""A listener, a song and all that belongs to them, that no other test and no simulator uses: pure records."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from music_contract import times, topics

Record = dict[str, Any]

LATITUDE_OF_PARIS = 48.8566


def now_ms() -> int:
    return times.epoch_ms(datetime.now(UTC))


def uuid7() -> str:
    """Return a new UUID version 7 (RFC 9562): 48 bits of time, then random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@dataclass(frozen=True)
class World:
    """One of each dimension under ids that carry a tag of their own."""

    tag: str = field(default_factory=lambda: secrets.token_hex(6))

    def id_of(self, kind: str) -> str:
        return f"{kind}-smoke-{self.tag}"

    @property
    def genre(self) -> str:
        return f"smoke {self.tag}"

    def dimensions(self) -> dict[str, Record]:
        """Return one record for each dimension, by schema name."""
        moment = times.to_text(now_ms())
        records: dict[str, Record] = {
            "location": {
                "location_id": self.id_of("location"),
                "city": "Paris",
                "region": "Île-de-France",
                "country": "FR",
                "latitude": LATITUDE_OF_PARIS,
                "longitude": 2.3522,
                "time_zone": "Europe/Paris",
                "population": 2_102_650,
            },
            "user": {
                "user_id": self.id_of("user"),
                "name": "Smoke Test",
                "email": f"{self.tag}@example.org",
                "birth_date": "1990-05-04",
                "gender": "undisclosed",
                "country": "FR",
                "location_id": self.id_of("location"),
                "subscription": "premium",
                "signed_up_at": moment,
            },
            "artist": {
                "artist_id": self.id_of("artist"),
                "name": f"The {self.tag}",
                "country": "FR",
                "genre": self.genre,
            },
            "album": {
                "album_id": self.id_of("album"),
                "title": "Trial by Fire",
                "artist_id": self.id_of("artist"),
                "album_type": "album",
                "release_date": "2024-02-29",
                "label": "None",
            },
            "song": {
                "song_id": self.id_of("song"),
                "title": "Is this on?",
                "artist_id": self.id_of("artist"),
                "album_id": self.id_of("album"),
                "genre": self.genre,
                "duration_ms": 200_000,
                "track_number": 1,
                "release_date": "2024-02-29",
                "explicit": False,
            },
            "device": {
                "device_id": self.id_of("device"),
                "user_id": self.id_of("user"),
                "device_type": "phone",
                "platform": "android",
                "model": "Test phone",
                "app_version": "1.2.3",
            },
        }
        return {name: {**record, "updated_at": moment} for name, record in records.items()}

    def playback(self, ended_ms: int, **changes: Any) -> Record:
        """Return a playback of the song to its end, changed as told."""
        ms_played = changes.get("ms_played", 200_000)
        event: Record = {
            "event_id": uuid7(),
            "event_time": times.to_text(ended_ms),
            "started_at": times.to_text(ended_ms - ms_played),
            "session_id": self.id_of("session"),
            "ms_played": ms_played,
            "song_duration_ms": 200_000,
            "reason_start": "clickrow",
            "reason_end": "trackdone",
            "skipped": False,
            "shuffle": False,
            "offline": False,
            "liked": False,
            "added_to_playlist": False,
            "subscription": "premium",
            "experiments": {"smoke": "a"},
            "produced_at": times.to_text(now_ms()),
            "source": "smoke",
        }
        event |= {f"{kind}_id": self.id_of(kind) for kind in topics.DIMENSIONS}
        return event | changes
