"""Standard meanings and limits of playback, in one place for producers, consumers and tests."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

MAX_FUTURE = timedelta(minutes=5)
"""How far event_time, and the updated_at of a dimension, may lie ahead of the consumer's clock."""

MAX_VALUE_BYTES = 65_536
"""Largest payload of a record (without the wire prefix) that a consumer reads, in bytes."""

MAX_ID_LENGTH = 256
"""Longest id, in characters: its pattern leaves the prefix open, and an entry of PostgreSQL's indexes, some
of them over two ids, has at most 2,704 bytes."""

MAX_MS_PLAYED = 86_400_000
"""Longest playback that can be true: a day, in milliseconds (the schema's maximum says the same)."""

STREAM_MIN_MS = 30_000
"""A playback counts as a stream from 30 s on, the music industry's usual threshold."""

COMPLETED_SHARE = 0.9
"""A playback is completed when this share of the song was heard."""

SESSION_GAP = timedelta(minutes=30)
"""A session ends after this long without activity."""

IMPORT_SOURCE = "import"
"""The source of events that come from a listener's own history: years old by nature, and so not late."""


class Reason(StrEnum):
    """Why a record is refused and ends in the dead letters."""

    EMPTY = "empty"
    """No value at all (in a compacted topic that is a deletion, not a fault)."""
    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    UNKNOWN_SCHEMA = "unknown_schema"
    """Framed with a schema id that the registry does not know for this topic."""
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"
    """Of the right type, but against its field's pattern, vocabulary or range."""
    FUTURE_TIME = "future_time"
    NEGATIVE_MS_PLAYED = "negative_ms_played"
    ABSURD_MS_PLAYED = "absurd_ms_played"
    NOT_STORABLE = "not_storable"
    """Keeps to the contract, and the database refuses it all the same."""
    GONE = "gone"
    """Too large to be read with its neighbours, and no longer in Kafka when it was read by itself."""


def is_completed(ms_played: int, song_duration_ms: int) -> bool:
    """Whether the song was heard to (nearly) its end; both in milliseconds."""
    return ms_played >= COMPLETED_SHARE * song_duration_ms


def is_stream(ms_played: int, song_duration_ms: int) -> bool:
    """Whether the playback counts as a stream: 30 s or more, a shorter song when completed."""
    if song_duration_ms < STREAM_MIN_MS:
        return is_completed(ms_played, song_duration_ms)
    return ms_played >= STREAM_MIN_MS
