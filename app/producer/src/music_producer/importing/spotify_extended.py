"""Spotify's extended streaming history: Streaming_History_Audio_*.json, Streaming_History_Video_*.json,
endsong_*.json.

The fields are described in the ReadMeFirst_ExtendedStreamingHistory.pdf that lies beside them, and in
Spotify's support article "Understanding my data". ip_addr, user_agent, username and platform's text are
never passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from music_contract import schemas

from music_producer.importing import values
from music_producer.importing.devices import device_of
from music_producer.importing.listen import UNKNOWN_ARTIST, BrokenEntry, Kind, Listen
from music_producer.importing.spotify import Heard, Naming, heard

EXPECTED = "Spotify's extended streaming history (JSON with ts, ms_played, master_metadata_track_name, ...)"

_REASONS = frozenset(schemas.vocabulary("stream-event", "reason_end"))
# Words that the export has for what the contract calls otherwise. Any other becomes unknown.
_REASON_NAMES = {"click-row": "clickrow", "clickside": "clickrow", "nextbtn": "fwdbtn", "prevbtn": "backbtn"}
_COUNTRY = re.compile("[A-Z]{2}")
_SKIPPING = ("fwdbtn", "backbtn")

_NAMINGS = (
    Naming(
        Kind.SONG,
        "master_metadata_track_name",
        "master_metadata_album_artist_name",
        "master_metadata_album_album_name",
    ),
    Naming(Kind.PODCAST, "episode_name", "episode_show_name", "episode_show_name"),
    Naming(Kind.AUDIOBOOK, "audiobook_chapter_title", "audiobook_title", "audiobook_title"),
    Naming(Kind.AUDIOBOOK, "audiobook_title", "audiobook_title", "audiobook_title"),
)
# What Spotify has removed keeps its URI alone.
_URIS = (
    ("spotify_track_uri", Kind.SONG),
    ("spotify_episode_uri", Kind.PODCAST),
    ("audiobook_chapter_uri", Kind.AUDIOBOOK),
    ("audiobook_uri", Kind.AUDIOBOOK),
)


def recognises(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is of this format."""
    return "ts" in entry and "ms_played" in entry


def listen(entry: Mapping[str, Any], now_ms: int) -> Listen:
    """Read an entry; BrokenEntry when no listen can be made of it."""
    ended = values.until_now(values.moment(entry.get("ts"), "ts"), now_ms)
    ms_played = values.played(entry, "ms_played")
    named = _heard(entry)
    reason_end = _reason(entry, "reason_end")
    skipped = values.flag(entry, "skipped")
    minute = ended - ended % 60_000
    return Listen(
        ended_at_ms=ended,
        ms_played=ms_played,
        artist=named.artist,
        title=named.title,
        album=named.album,
        identity=("spotify", ms_played),
        identity_ms=minute,
        precise_ms=ended,
        kind=named.kind,
        is_heard_out=reason_end == "trackdone",
        reason_start=_reason(entry, "reason_start"),
        reason_end=reason_end,
        # Older entries do not say; then the button that ended it does.
        skipped=reason_end in _SKIPPING if skipped is None else skipped,
        shuffle=values.flag(entry, "shuffle") or False,
        offline=values.flag(entry, "offline") or False,
        country=_country(entry),
        device=device_of(values.name(entry, "platform")),
    )


def is_private_session(entry: Mapping[str, Any]) -> bool:
    """Whether the listener had asked not to be seen."""
    return entry.get("incognito_mode") is True


def _heard(entry: Mapping[str, Any]) -> Heard:
    if named := heard(entry, _NAMINGS):
        return named
    for field, kind in _URIS:
        if uri := values.name(entry, field):
            return Heard(kind, UNKNOWN_ARTIST, uri)
    raise BrokenEntry("it names nothing that was heard")


def _reason(entry: Mapping[str, Any], field: str) -> str:
    reason = values.name(entry, field) or "unknown"
    reason = _REASON_NAMES.get(reason, reason)
    return reason if reason in _REASONS else "unknown"


def _country(entry: Mapping[str, Any]) -> str | None:
    country = values.name(entry, "conn_country")
    return country if country and _COUNTRY.fullmatch(country) and country != "ZZ" else None
