"""A listen as the readers of all formats give it: what was heard, until when, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was heard; the value is the genre that its song record gets, for no export names one."""

    SONG = "unknown"
    PODCAST = "podcast"
    AUDIOBOOK = "audiobook"


class BrokenEntry(Exception):
    """An entry that no listen can be made of.

    The text says why in a sentence that is fit to print: it shows no value but times and numbers, since an
    entry holds private fields.
    """


@dataclass(frozen=True, slots=True)
class Device:
    """What it was heard on, in the contract's words; None for what the export does not tell."""

    type: str | None = None
    platform: str | None = None


NO_DEVICE = Device()


@dataclass(frozen=True, slots=True)
class Listen:
    """One entry of a history. No field of an export that is not named here leaves the reader."""

    ended_at_ms: int
    """Milliseconds since 1970 (UTC)."""
    ms_played: int
    artist: str
    title: str
    album: str | None
    identity: tuple[str | int, ...]
    """What makes it this listen and no other, whichever export it stands in; the listener and the names of
    artist and song belong to it too.
    """
    identity_ms: int
    """Its moment as precisely as every export knows it: the minute."""
    precise_ms: int | None
    """Its moment to the second; None when the export knows the minute only. Two entries of one identity and
    one second are one listen; without the second they are two.
    """
    kind: Kind = Kind.SONG
    length_ms: int | None = None
    """The song's length, where the entry itself tells it."""
    is_played_known: bool = True
    """Whether ms_played was measured, or is assumed from the song's length."""
    is_heard_out: bool | None = None
    """Whether it was heard until it ended by itself; None when the export does not tell."""
    track_number: int | None = None
    reason_start: str = "unknown"
    reason_end: str = "unknown"
    skipped: bool = False
    shuffle: bool = False
    offline: bool = False
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    device: Device = NO_DEVICE


UNKNOWN_ARTIST = "Unknown artist"
"""Stands for an artist that an entry does not name."""

DEFAULT_LENGTH_MS = 210_000
"""Length of a song that nothing tells: three and a half minutes, about the mean of popular songs."""
