"""Ids that follow from names: the same artist, song or listen has the same id in every export and at every
import.

Names are compared without regard to case, to the form of their Unicode, or to spaces. A song is its artist
and its title, so that Spotify's, Last.fm's and ListenBrainz's entries for one song meet, though Spotify has
a URI for each of its releases.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from music_producer.importing.listen import Device, Listen

_SEPARATOR = "\x1f"


def user_id(user_name: str) -> str:
    """Return the id of the listener who goes by this name."""
    return f"user-import-{_digest(user_name)}"


def artist_id(artist: str) -> str:
    """Return the id of an artist."""
    return f"artist-import-{_digest(artist)}"


def album_id(artist: str, album: str | None) -> str:
    """Return the id of an artist's album; all that an export names no album for is on one that is unknown."""
    return f"album-import-{_digest(artist, album or '')}"


def song_id(artist: str, title: str) -> str:
    """Return the id of an artist's song."""
    return f"song-import-{_digest(artist, title)}"


def device_id(user: str, device: Device) -> str:
    """Return the id of the listener's devices of one kind: exports do not tell two phones apart."""
    return f"device-import-{_digest(user, device.type or '', device.platform or '')}"


def location_id(country: str) -> str:
    """Return the id of a country as a whole."""
    return f"location-import-{country.lower()}"


def session_id(user: str, started_ms: int) -> str:
    """Return the id of the listener's session that began then."""
    return f"session-{user.removeprefix('user-')}-{started_ms}"


def key(user: str, listen: Listen) -> int:
    """Return 64 bits of what makes a listen this one, to find those that look alike."""
    return int.from_bytes(_identity(user, listen).digest()[:8], "big") >> 1


def event_id(user: str, listen: Listen, ordinal: int) -> str:
    """Return a UUID of version 7 (RFC 9562) that follows from the listen.

    Args:
        user: the listener's id.
        listen: the listen.
        ordinal: its place among those of one export that look alike.
    """
    identity = _identity(user, listen)
    identity.update(ordinal.to_bytes(4, "big"))
    chance = int.from_bytes(identity.digest()[:10], "big")
    value = listen.identity_ms << 80 | chance
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def _identity(user: str, listen: Listen) -> blake2b:
    parts = (user, *listen.identity, listen.identity_ms, _folded(listen.artist), _folded(listen.title))
    return blake2b(_SEPARATOR.join(map(str, parts)).encode(), digest_size=16)


@lru_cache(maxsize=200_000)
def _digest(*names: str) -> str:
    return blake2b(_SEPARATOR.join(map(_folded, names)).encode(), digest_size=10).hexdigest()


@lru_cache(maxsize=200_000)
def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
