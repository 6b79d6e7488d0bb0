"""Ids as columns of text: of events (UUIDs of version 7, RFC 9562, section 5.7) and of what they refer to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from music_producer.world import columns

Numbers = NDArray[np.integer]

_HEX = np.array([b"%04x" % number for number in range(1 << 16)]).view(np.uint32)
"""The four digits of each number of 16 bits."""
_UUID_GROUPS = ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36))
"""Where the digits of a UUID stand: between hyphens."""


def uuid7_texts(epoch_ms: NDArray[np.int64], chance: NDArray[np.uint64]) -> NDArray[np.bytes_]:
    """Return one UUID for each moment: 48 bits of time, 74 bits of chance.

    Args:
        epoch_ms: milliseconds since 1970 (UTC).
        chance: two columns of evenly drawn bits.
    """
    count = len(epoch_ms)
    words = np.empty((count, 8), dtype=np.uint16)
    for place, shift in enumerate((32, 16, 0)):
        words[:, place] = epoch_ms >> shift
    words[:, 3:] = np.ascontiguousarray(chance).view(">u2").reshape(count, 8)[:, :5]
    words[:, 3] = words[:, 3] & 0x0FFF | 0x7000
    words[:, 4] = words[:, 4] & 0x3FFF | 0x8000
    digits = _HEX[words].view(np.uint8).reshape(count, 32)
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    given = 0
    for first, end in _UUID_GROUPS:
        text[:, first:end] = digits[:, given : given + end - first]
        given += end - first
    return text.view("S36").ravel()


def user_ids(users: Numbers) -> columns.Texts:
    """Return the ids of the users with these numbers."""
    return columns.joined(b"user-", columns.padded(users))


def device_ids(users: Numbers, places: Numbers) -> columns.Texts:
    """Return the ids of users' devices, which are counted from 0 for each user."""
    return columns.joined(b"device-", columns.padded(users), b"-", columns.digits(places + 1))


def artist_ids(artists: Numbers) -> columns.Texts:
    """Return the ids of the artists with these numbers."""
    return columns.joined(b"artist-", columns.padded(artists))


def album_ids(albums: Numbers) -> columns.Texts:
    """Return the ids of the albums with these numbers."""
    return columns.joined(b"album-", columns.padded(albums))


def song_ids(songs: Numbers) -> columns.Texts:
    """Return the ids of the songs with these numbers."""
    return columns.joined(b"song-", columns.padded(songs))
