"""The history in Spotify's account data, of the last year: StreamingHistory_music_*.json,
StreamingHistory*.json.

It knows the minute in which a listen ended (UTC) and how long it was heard, not why it ended or on what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from music_contract.rules import STREAM_MIN_MS

from music_producer.importing import values
from music_producer.importing.listen import BrokenEntry, Kind, Listen
from music_producer.importing.spotify import Naming, heard

EXPECTED = "Spotify's account data (JSON with endTime, artistName, trackName, msPlayed)"

_NAMINGS = (
    Naming(Kind.SONG, "trackName", "artistName", None),
    Naming(Kind.PODCAST, "episodeName", "podcastName", "podcastName"),
)


def recognises(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is of this format."""
    return "endTime" in entry and "msPlayed" in entry


def listen(entry: Mapping[str, Any], now_ms: int) -> Listen:
    """Read an entry; BrokenEntry when no listen can be made of it."""
    ended = values.until_now(values.moment(entry.get("endTime"), "endTime"), now_ms)
    ended -= ended % 60_000
    ms_played = values.played(entry, "msPlayed")
    named = heard(entry, _NAMINGS)
    if named is None:
        raise BrokenEntry("it names nothing that was heard")
    return Listen(
        ended_at_ms=ended,
        ms_played=ms_played,
        artist=named.artist,
        title=named.title,
        album=named.album,
        # That of the extended history: who gets both exports has each listen once.
        identity=("spotify", ms_played),
        identity_ms=ended,
        precise_ms=None,
        kind=named.kind,
        # It is not told; what was left within what makes a stream was skipped.
        skipped=ms_played < STREAM_MIN_MS,
    )
