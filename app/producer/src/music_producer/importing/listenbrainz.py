"""ListenBrainz's export: listens/YYYY/M.jsonl in its zip, a JSON object a line.

The structure is that of ListenBrainz's JSON documentation: listened_at, and track_metadata with artist_name,
track_name, release_name and additional_info.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from music_producer.importing import values
from music_producer.importing.listen import BrokenEntry, Listen
from music_producer.importing.scrobbles import scrobble

EXPECTED = "ListenBrainz's export (JSON lines with listened_at and track_metadata)"


def recognises(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is of this format."""
    return "listened_at" in entry and "track_metadata" in entry


def listen(entry: Mapping[str, Any], now_ms: int) -> Listen:
    """Read an entry; BrokenEntry when no listen can be made of it."""
    started = values.moment(entry.get("listened_at"), "listened_at")
    metadata = _object(entry, "track_metadata")
    if metadata is None:
        raise BrokenEntry("track_metadata is missing")
    artist, title = values.name(metadata, "artist_name"), values.name(metadata, "track_name")
    if artist is None or title is None:
        raise BrokenEntry("artist_name or track_name is missing")
    information = _object(metadata, "additional_info") or {}
    length = values.whole(information, "duration_ms")
    if length is None and (seconds := values.whole(information, "duration")) is not None:
        length = seconds * 1000
    heard = information.get("ms_played")
    number = information.get("tracknumber")
    return scrobble(
        started_ms=started,
        is_second_known=True,
        artist=artist,
        title=title,
        album=values.name(metadata, "release_name"),
        length_ms=length,
        ms_played=None if heard is None else values.played(information, "ms_played"),
        # Often a text such as "3/12": then it is not known.
        track_number=number if type(number) is int and 0 < number <= 10_000 else None,
        now_ms=now_ms,
    )


def _object(entry: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    value = entry.get(field)
    if value is None or isinstance(value, dict):
        return value
    raise BrokenEntry(f"{field} is no object")
