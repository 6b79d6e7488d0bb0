"""What Spotify's exports have in common: an entry names what was heard by one group of fields or another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from music_producer.importing import values
from music_producer.importing.listen import UNKNOWN_ARTIST, Kind


class Naming(NamedTuple):
    """The fields that name one kind of thing; an album has none in some exports."""

    kind: Kind
    title: str
    artist: str
    album: str | None


class Heard(NamedTuple):
    """What an entry names."""

    kind: Kind
    artist: str
    title: str
    album: str | None = None


def heard(entry: Mapping[str, Any], namings: Sequence[Naming]) -> Heard | None:
    """Return what the first of the namings says whose title is there; None when none is."""
    for kind, title_field, artist_field, album_field in namings:
        if title := values.name(entry, title_field):
            artist = values.name(entry, artist_field) or UNKNOWN_ARTIST
            return Heard(kind, artist, title, values.name(entry, album_field) if album_field else None)
    return None
