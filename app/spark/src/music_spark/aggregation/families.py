"""The metric families, a declaration each. A new one is an entry here and a migration for table and view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from music_spark.settings import Windows

MEASURES: Mapping[str, str | None] = {
    "plays": None,
    "streams": "is_stream",
    "completed": "is_completed",
    "skipped": "skipped",
    "liked": "liked",
    "added_to_playlist": "added_to_playlist",
    "ms_played": "ms_played",
}
"""Additive measures of every family: the fact column that is summed (a boolean counts as 0 or 1); None counts
rows.
"""

UNKNOWN_GENRE = "unknown"
"""Genre of a fact whose song's record has not arrived."""


@dataclass(frozen=True)
class Key:
    """One way to group facts into rows of a family's table."""

    column: str
    """The key column of the metrics table."""
    source: str
    """The fact column that fills it."""
    constants: Mapping[str, str]
    """Further key columns with a fixed value."""


@dataclass(frozen=True)
class Family:
    """A family of metrics: what its rows are keyed by and which distinct values it counts."""

    table: str
    """Its name, and that of the view of the schema metrics that shows its rows."""
    window: timedelta
    keys: tuple[Key, ...]
    """Every fact adds to one row per entry; empty for a family with one row a window."""
    distinct: Mapping[str, str]
    """Approximate distinct counts: column of the table -> fact column whose values are counted."""
    revision: int = 1
    """To be raised when the same declaration comes to mean something else: the rows are then rebuilt."""

    @property
    def sums_table(self) -> str:
        """The table that holds its rows; whether they are final is what the view adds."""
        return f"metrics.{self.table}_sums"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The table's primary key next to window_start."""
        return tuple(dict.fromkeys(name for key in self.keys for name in (*key.constants, key.column)))


def _by(column: str) -> tuple[Key, ...]:
    return (Key(column, column, {}),)


def _content(kind: str, source: str) -> Key:
    return Key("content_id", source, {"content_type": kind})


GENRE_KEY = _content("genre", "genre")


def declare(windows: Windows) -> dict[str, Family]:
    """All families by name, with the given window lengths."""
    families = (
        Family("user_engagement", windows.user, _by("user_id"), {"songs": "song_id"}),
        Family(
            "content_performance",
            windows.content,
            (
                _content("song", "song_id"),
                _content("artist", "artist_id"),
                _content("album", "album_id"),
                GENRE_KEY,
            ),
            {"listeners": "user_id"},
        ),
        # A device belongs to one listener: distinct counts would say nothing.
        Family("device", windows.device, _by("device_id"), {}),
        Family(
            "location", windows.location, _by("location_id"), {"listeners": "user_id", "songs": "song_id"}
        ),
        Family("hourly", windows.hourly, (), {"listeners": "user_id", "songs": "song_id"}),
    )
    return {family.table: family for family in families}
