"""What a history is as a whole, gathered in a first reading: its songs, their lengths, its sessions.

It grows with the songs, and by 24 bytes a listen.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from music_contract.rules import COMPLETED_SHARE, MAX_MS_PLAYED, SESSION_GAP, STREAM_MIN_MS
from numpy.typing import NDArray

from music_producer.importing import identities
from music_producer.importing.listen import DEFAULT_LENGTH_MS, Device, Kind, Listen

_GAP_MS = SESSION_GAP.total_seconds() * 1000
_MOST_LENGTHS = 64


@dataclass(slots=True)
class Song:
    """A song, and how long it was heard."""

    artist: str
    title: str
    album: str | None
    kind: Kind
    track_number: int | None = None
    stated_ms: int = 0
    """What entries say of its length."""
    heard_out: Counter[int] = field(default_factory=Counter)
    """How often it ended by itself after so many milliseconds."""
    untold: Counter[int] = field(default_factory=Counter)
    """How often it was heard for so long when nobody knows how that ended."""
    broken_off_ms: int = 0
    """How long it was heard at most when it did not end by itself."""

    def add(self, listen: Listen) -> None:
        """Take in a listen to it."""
        self.album = self.album or listen.album
        self.track_number = self.track_number or listen.track_number
        self.stated_ms = max(self.stated_ms, listen.length_ms or 0)
        if not listen.is_played_known or not listen.ms_played:
            return
        if listen.is_heard_out is False:
            self.broken_off_ms = max(self.broken_off_ms, listen.ms_played)
            return
        lengths = self.heard_out if listen.is_heard_out else self.untold
        if listen.ms_played in lengths or len(lengths) < _MOST_LENGTHS:
            lengths[listen.ms_played] += 1

    @property
    def length_ms(self) -> int:
        """Its length: told, or what the listens say of it, or three and a half minutes.

        A song that ended by itself was heard for its length, most often; where an export does not tell how a
        listen ended, it may have when the same time occurs twice. Of a song that was only broken off a lower
        bound is known: its length is taken to be so much more that this does not count as completed.
        """
        if self.stated_ms:
            return self.stated_ms
        if self.heard_out:
            return _most_frequent(self.heard_out)[0]
        untold = {length: times for length, times in self.untold.items() if length >= STREAM_MIN_MS}
        if untold:
            length, times = _most_frequent(untold)
            if times > 1:
                return length
        broken_off = int(self.broken_off_ms / COMPLETED_SHARE) + 1
        return min(max(DEFAULT_LENGTH_MS, broken_off, *untold), MAX_MS_PLAYED)


class History:
    """Everything about a history that one entry alone does not tell."""

    def __init__(self, user: str) -> None:
        self.songs: dict[str, Song] = {}
        self.albums: dict[str, tuple[str, str | None]] = {}
        """Artist and title by id."""
        self.artists: dict[str, tuple[str, Kind]] = {}
        self.devices: set[Device] = set()
        self.countries: Counter[str] = Counter()
        self._user = user
        self._started = array("q")
        self._ended = array("q")
        self._keys = array("q")
        self._sessions: NDArray[np.int64] | None = None

    def add(self, listen: Listen) -> None:
        """Take in a listen."""
        song_id = identities.song_id(listen.artist, listen.title)
        if (song := self.songs.get(song_id)) is None:
            song = self.songs[song_id] = Song(listen.artist, listen.title, listen.album, listen.kind)
        song.add(listen)
        self.albums.setdefault(
            identities.album_id(listen.artist, listen.album), (listen.artist, listen.album)
        )
        self.artists.setdefault(identities.artist_id(listen.artist), (listen.artist, listen.kind))
        self.devices.add(listen.device)
        if listen.country:
            self.countries[listen.country] += 1
        self._started.append(listen.ended_at_ms - listen.ms_played)
        self._ended.append(listen.ended_at_ms)
        self._keys.append(identities.key(self._user, listen))

    @property
    def listens(self) -> int:
        """How many there are."""
        return len(self._ended)

    @property
    def first_ms(self) -> int:
        """When the first one began."""
        return min(self._started)

    @property
    def last_ms(self) -> int:
        """When the last one ended."""
        return max(self._ended)

    def session_start(self, listen: Listen) -> int:
        """Return when the session of a listen began: half an hour without any separates two."""
        if self._sessions is None:
            self._sessions = _session_starts(np.array(self._started), np.array(self._ended))
        at = int(np.searchsorted(self._sessions, listen.ended_at_ms - listen.ms_played, side="right")) - 1
        return int(self._sessions[at])

    def alike(self) -> frozenset[int]:
        """The keys that more than one listen has."""
        keys, counts = np.unique(np.array(self._keys), return_counts=True)
        return frozenset(keys[counts > 1].tolist())


def _session_starts(started: NDArray[np.int64], ended: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.argsort(started, kind="stable")
    started, ended = started[order], np.maximum.accumulate(ended[order])
    first = np.concatenate(([True], started[1:] - ended[:-1] > _GAP_MS))
    return started[first]


def _most_frequent(lengths: Mapping[int, int]) -> tuple[int, int]:
    return max(lengths.items(), key=lambda entry: (entry[1], entry[0]))
