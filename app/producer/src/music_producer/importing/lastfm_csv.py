"""Scrobbles of Last.fm as CSV, in the shapes of the common exporters (Last.fm itself has no export).

With a header, in any order and separated by comma, semicolon or tab; or without one, as eight columns (uts,
utc_time, artist, artist_mbid, album, album_mbid, track, track_mbid) or four (artist, album, track, date).
Times are UTC.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

from music_producer.importing import values
from music_producer.importing.listen import BrokenEntry, Listen
from music_producer.importing.scrobbles import scrobble

EXPECTED = "a CSV of Last.fm scrobbles (uts, artist, album, track, ... or artist, album, track, date)"

Columns = Sequence[str]
"""What each column of a file holds: time, text_time, artist, album, track; anything else is not read."""

_MEANINGS = {
    **dict.fromkeys(("uts", "timestamp", "unix_timestamp", "unix", "date", "time", "played_at"), "time"),
    "utc_time": "text_time",
    **dict.fromkeys(("artist", "artist_name", "artist name"), "artist"),
    **dict.fromkeys(("album", "album_name", "album name", "release", "release_name"), "album"),
    **dict.fromkeys(("track", "track_name", "track name", "song", "title", "name"), "track"),
}
_WITHOUT_HEADER: Mapping[int, Columns] = {
    8: ("time", "text_time", "artist", "", "album", "", "track", ""),
    4: ("artist", "album", "track", "time"),
}


def cells(line: str, separator: str) -> list[str]:
    """Split a line; BrokenEntry when its quotes do not match (no exporter breaks a line within quotes)."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise BrokenEntry(f"the line is no CSV: {error}") from None


def header(line: str) -> tuple[str, Columns] | None:
    """Return separator and columns when the line is a header that names a time, an artist and a track."""
    for separator in ",;\t":
        try:
            # lastfmstats writes the user's name behind the last column's.
            names = [cell.partition("#")[0].strip().lower() for cell in cells(line, separator)]
        except BrokenEntry:
            continue
        columns = [_MEANINGS.get(name, "") for name in names]
        if {"artist", "track"} <= set(columns) and ({"time", "text_time"} & set(columns)):
            return separator, columns
    return None


def shape(line: str, now_ms: int) -> tuple[str, Columns] | None:
    """Return separator and columns when the line is a scrobble of a file without header."""
    for separator in ",;\t":
        try:
            row = cells(line, separator)
            columns = _WITHOUT_HEADER[len(row)]
            listen(entry(row, columns), now_ms)
        except (BrokenEntry, KeyError):
            continue
        return separator, columns
    return None


def entry(row: Sequence[str], columns: Columns) -> dict[str, Any]:
    """Name the cells of a row."""
    if len(row) != len(columns):
        raise BrokenEntry(f"it has {len(row)} columns where {len(columns)} belong")
    named: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=True):
        if column and cell.strip():
            named.setdefault(column, cell)
    return named


def listen(entry: Mapping[str, Any], now_ms: int) -> Listen:
    """Read a scrobble; BrokenEntry when no listen can be made of it."""
    time = entry.get("time", entry.get("text_time"))
    if time is None:
        raise BrokenEntry("it has no time (a song that is playing now has none)")
    artist, title = values.name(entry, "artist"), values.name(entry, "track")
    if artist is None or title is None:
        raise BrokenEntry("artist or track is missing")
    return scrobble(
        started_ms=values.moment(time, "the time"),
        is_second_known=values.tells_seconds(time),
        artist=artist,
        title=title,
        album=values.name(entry, "album"),
        now_ms=now_ms,
    )
