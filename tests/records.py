"""Kafka records made by hand: as a producer writes them, and as the stream's query hands them to a batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
from music_contract import schemas, times, wire
from music_contract.topics import STREAM_EVENTS
from music_spark.batches import portions
from music_spark.records.parsing import INLINE_BYTES

EVENT = "stream-event"
USERS, SONGS, LOCATIONS = "music.users", "music.songs", "music.locations"
APPENDED_AT = datetime(2026, 11, 23, 18, 5, tzinfo=UTC)
"""When the broker got a record that says nothing else; playback() ends a minute before."""

KNOWN_SCHEMA = 1
"""The id that the query was told of; events of other schemas come unparsed."""

TIMESTAMP = pa.timestamp("us", tz="UTC")
_ARROW_TYPES = {"string": pa.string(), "integer": pa.int64(), "boolean": pa.bool_(), "object": pa.string()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """A record of a topic; the value as bytes."""

    value: bytes | None
    topic: str = STREAM_EVENTS
    partition: int = 0
    offset: int = 0
    timestamp: datetime = APPENDED_AT
    key: bytes | None = None

    def at(self, offset: int, partition: int = 0) -> "Record":
        """The same record at another place of its topic."""
        return replace(self, offset=offset, partition=partition)


def playback(number: int = 1, **changes: object) -> dict[str, Any]:
    """A valid event; the number tells playbacks apart that are alike in all else."""
    return {
        "event_id": f"01937000-0000-7000-8000-{number:012x}",
        "event_time": "2026-11-23T18:04:00.250Z",
        "started_at": "2026-11-23T18:01:00.250Z",
        "user_id": "user-000123",
        "session_id": "session-1",
        "song_id": "song-000042",
        "artist_id": "artist-000007",
        "album_id": "album-000011",
        "device_id": "device-000123-1",
        "location_id": "location-2643743",
        "ms_played": 180_000,
        "song_duration_ms": 181_000,
        "reason_start": "clickrow",
        "reason_end": "trackdone",
        "skipped": False,
        "shuffle": False,
        "offline": False,
        "liked": True,
        "added_to_playlist": False,
        "subscription": "premium",
        "experiments": {},
        "produced_at": "2026-11-23T18:04:00.300Z",
        **changes,
    }


def user(user_id: str = "user-000123", **changes: object) -> dict[str, Any]:
    """A valid user record."""
    return {
        "user_id": user_id,
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "birth_date": "1985-12-10",
        "gender": "female",
        "country": "GB",
        "location_id": "location-2643743",
        "subscription": "free",
        "signed_up_at": "2020-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }


def song(song_id: str = "song-000042", **changes: object) -> dict[str, Any]:
    """A valid song record."""
    return {
        "song_id": song_id,
        "title": "Golden Brown",
        "artist_id": "artist-000007",
        "album_id": "album-000011",
        "genre": "rock",
        "duration_ms": 181_000,
        "track_number": 3,
        "release_date": "1981-11-09",
        "explicit": False,
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }


def location(location_id: str = "location-2643743", **changes: object) -> dict[str, Any]:
    """A valid location record."""
    return {
        "location_id": location_id,
        "city": "London",
        "region": "England",
        "country": "GB",
        "latitude": 51.50853,
        "longitude": -0.12574,
        "time_zone": "Europe/London",
        "population": 8_961_989,
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }


def artist(artist_id: str = "artist-000007", **changes: object) -> dict[str, Any]:
    """A valid artist record."""
    return {
        "artist_id": artist_id,
        "name": "The Stranglers",
        "country": "GB",
        "genre": "rock",
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }


def album(album_id: str = "album-000011", **changes: object) -> dict[str, Any]:
    """A valid album record."""
    return {
        "album_id": album_id,
        "title": "La Folie",
        "artist_id": "artist-000007",
        "album_type": "album",
        "release_date": "1981-11-09",
        "label": "Liberty",
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }


def device(device_id: str = "device-000123-1", **changes: object) -> dict[str, Any]:
    """A valid device record."""
    return {
        "device_id": device_id,
        "user_id": "user-000123",
        "device_type": "phone",
        "platform": "ios",
        "model": "iPhone 16",
        "app_version": "9.1.0",
        "updated_at": "2026-01-01T00:00:00.000Z",
        **changes,
    }


def bare(record: object) -> bytes:
    """A value as a console producer writes it: JSON alone."""
    return orjson.dumps(record)


def framed(record: object, schema_id: int = KNOWN_SCHEMA) -> bytes:
    """A value as the platform's producer writes it: the Confluent prefix, then JSON."""
    return wire.frame(schema_id, bare(record))


def event_records(*events: Mapping[str, Any], first_offset: int = 0, partition: int = 0) -> list[Record]:
    """Events as records of consecutive offsets."""
    return [
        Record(framed(event), partition=partition, offset=first_offset + n) for n, event in enumerate(events)
    ]


def dimension_records(topic: str, *entries: Mapping[str, Any], first_offset: int = 0) -> list[Record]:
    """Dimension records of one partition at consecutive offsets."""
    return [Record(framed(entry), topic=topic, offset=first_offset + n) for n, entry in enumerate(entries)]


def mixed(first_event: int = 1, first_offset: int = 0) -> list[Record]:
    """A batch with a bit of everything: new and resent events, late ones, dimensions, rubbish."""
    n = first_event
    events = [
        playback(n),
        playback(n + 1, user_id="user-2", song_id="song-2", ms_played=5_000, skipped=True),
        playback(n),
        playback(n + 2, event_time="2026-11-23T16:10:00.000Z", experiments={"home-page": "b"}),
        playback(n + 3, mood="happy"),
    ]
    records = event_records(*events, first_offset=first_offset)
    records += event_records(
        playback(n + 4, location_id="location-2"), first_offset=first_offset, partition=7
    )
    records.append(Record(b"rubbish", partition=7, offset=first_offset + 1, key=b"user-9"))
    records.append(Record(None, partition=7, offset=first_offset + 2))
    records += dimension_records(USERS, user(), user("user-2"), first_offset=first_offset)
    records.append(Record(None, topic=USERS, offset=first_offset + 2, key=b"user-1"))
    records += dimension_records(SONGS, song(), {"song_id": "song-2"}, first_offset=first_offset)
    records += dimension_records(LOCATIONS, location(), first_offset=first_offset)
    return records


def event_struct() -> pa.StructType:
    """The type of the column event of source.parse."""
    fields = schemas.fields(EVENT)
    types = {
        name: TIMESTAMP if rule.get("format") == "date-time" else _ARROW_TYPES[rule["type"]]
        for name, rule in fields.items()
    }
    return pa.struct(
        [(name, types[name]) for name in (*(n for n in fields if n != "experiments"), "experiments")]
    )


def parsed(records: Iterable[Record], *, quick: bool = True) -> pa.Table:
    """The columns of source.parse for the records; with `quick` plain events come parsed, as from Spark."""
    columns = {"topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "timestamp": TIMESTAMP}
    columns |= {"schema_id": pa.int64(), "event": event_struct(), "key": pa.binary(), "value": pa.binary()}
    schema = pa.schema([*columns.items(), ("value_bytes", pa.int64()), ("withheld_bytes", pa.int64())])
    return pa.Table.from_pylist([_parsed_row(record, quick) for record in records], schema)


def whole(records: Sequence[Record], *, quick: bool = True) -> pa.Table:
    """The same with the keys and values that were withheld for their length."""
    contents = {(r.topic, r.partition, r.offset): (r.key, r.value) for r in records}
    return portions.with_contents(parsed(records, quick=quick), contents)


def _parsed_row(record: Record, quick: bool) -> dict[str, Any]:
    value = record.value
    schema_id, payload = wire.unframe(value) if value is not None else (None, None)
    event = _plain_event(record, payload) if quick and schema_id in (None, KNOWN_SCHEMA) else None
    size = len(record.key or b"") + len(value or b"")
    inline = size <= INLINE_BYTES
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "schema_id": schema_id,
        "event": event,
        "key": None if event or not inline else record.key,
        "value": None if event or not inline else value,
        "value_bytes": None if value is None else len(value),
        "withheld_bytes": None if event or inline else size,
    }


def _plain_event(record: Record, payload: bytes | None) -> dict[str, Any] | None:
    if record.topic != STREAM_EVENTS:
        return None
    event = schemas.read(EVENT, payload, now=record.timestamp)
    if isinstance(event, schemas.Rejection) or schemas.unknown_fields(EVENT, event) or event["experiments"]:
        return None
    return dict(column_values(event))


def column_values(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """An event's fields as its columns have them: times as moments, experiments as JSON text."""
    for name, rule in schemas.fields(EVENT).items():
        value = event.get(name)
        if value is not None and rule.get("format") == "date-time":
            value = _EPOCH + timedelta(milliseconds=times.to_epoch_ms(value))
        elif rule["type"] == "object":
            value = orjson.dumps(value).decode()
        yield name, value
