"""What can be played: artists, albums and their songs, in columns of numbers.

Everything is numbered in the order of its release after the world's start, so what is out at a moment is a
prefix of each column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_producer.world.chance import Weighted, choice_table, draws
from music_producer.world.dates import CHANGING_DAYS, DAY_MS, WORLD_START_MS

GENRES, _GENRE_CHOICE = choice_table(
    [
        ("pop", 20), ("hip hop", 16), ("rock", 14), ("latin", 10), ("electronic", 8), ("r&b", 7),
        ("indie", 6), ("k-pop", 4), ("country", 4), ("metal", 3), ("jazz", 2), ("classical", 2),
        ("folk", 2), ("soul", 1.5),
        ("reggae", 1.5), ("afrobeats", 1.5), ("punk", 1), ("blues", 1), ("ambient", 1), ("soundtrack", 1),
    ]
)  # fmt: skip
ALBUM_TYPES, _ALBUM_TYPE_CHOICE = choice_table([("album", 45), ("single", 40), ("ep", 15)])
_TRACKS = np.array([(8, 14), (1, 2), (3, 6)])
"""Fewest and most tracks of each album type."""

_MOST_ALBUMS = 25
_LONGEST_CAREER_DAYS = 14_600
LATER_SONGS_A_DAY = 0.0005
"""Songs released a day, as a share of those that were out at the world's start."""
_NEW_ARTIST_SHARE = 0.15
_EXPLICIT_SHARE = {"hip hop": 0.45, "punk": 0.3, "metal": 0.25, "r&b": 0.2}
_MEAN_DURATION_MS = 214_000
_SHORTEST_MS, _LONGEST_MS = 45_000, 720_000


@dataclass(frozen=True)
class Catalogue:
    """Columns by artist, album and song, each numbered from 0; an album's songs lie side by side."""

    seed: int
    artist_genre: NDArray[np.int8]
    artist_country: NDArray[np.int16]
    countries: tuple[str, ...]
    album_artist: NDArray[np.int32]
    album_type: NDArray[np.int8]
    album_release_ms: NDArray[np.int64]
    album_first_song: NDArray[np.int32]
    song_album: NDArray[np.int32]
    song_duration_ms: NDArray[np.int32]
    song_explicit: NDArray[np.bool_]

    artist_release_ms: NDArray[np.int64]
    """When an artist is known from: the world's start, or the first album after it."""
    first_albums: int
    """How many albums are out at the world's start; the later ones are in the order of their release."""

    @property
    def songs(self) -> int:
        """How many songs there are, those included that come out later."""
        return len(self.song_album)

    @property
    def song_release_ms(self) -> NDArray[np.int64]:
        """When each song is out: with its album."""
        return self.album_release_ms[self.song_album]

    def out_at(self, at_ms: int) -> tuple[int, int, int]:
        """Return how many artists, albums and songs are out at a moment: the first of each column."""
        artists = int(np.searchsorted(self.artist_release_ms, at_ms, side="right"))
        later = self.album_release_ms[self.first_albums :]
        albums = self.first_albums + int(np.searchsorted(later, at_ms, side="right"))
        songs = self.songs if albums == len(self.album_artist) else int(self.album_first_song[albums])
        return artists, albums, songs

    @property
    def song_artist(self) -> NDArray[np.int32]:
        """The artist of each song: that of its album."""
        return self.album_artist[self.song_album]


def make_catalogue(seed: int, songs: int, countries: Sequence[str]) -> Catalogue:
    """Make `songs` songs that are out at the world's start, their albums and artists, and what comes later.

    The artists come from `countries` (ISO 2), more often from one that is named more often.
    """
    first = _make_albums(seed, "", songs)
    # One album an artist and one song an album would be the most that could be needed.
    albums_of_artist = np.minimum(1 + draws(seed, "artist.albums").geometric(0.25, songs), _MOST_ALBUMS)
    first_artist = np.repeat(np.arange(songs), albums_of_artist)[: len(first.kind)]
    first_artists = int(first_artist[-1]) + 1
    career = draws(seed, "artist.career").beta(1.2, 2.0, first_artists) * _LONGEST_CAREER_DAYS
    age = (1 + career[first_artist] * draws(seed, "album.age").random(len(first.kind))).astype(np.int64)

    later = _make_albums(seed, "later.", max(1, round(songs * LATER_SONGS_A_DAY * CHANGING_DAYS)))
    chance = draws(seed, "later.artist").random((len(later.kind), 2))
    is_new = chance[:, 0] < _NEW_ARTIST_SHARE
    new_artist = first_artists - 1 + np.cumsum(is_new)
    later_artist = np.where(is_new, new_artist, (chance[:, 1] * first_artists).astype(np.int64))
    day = np.arange(1, len(is_new) + 1) / (len(is_new) + 1) * CHANGING_DAYS
    later_release_ms = WORLD_START_MS + (day * DAY_MS).astype(np.int64)

    album_artist = np.concatenate((first_artist, later_artist))
    song_album = np.concatenate((first.song_album, len(first.kind) + later.song_album))
    artists = first_artists + int(is_new.sum())
    genre = _GENRE_CHOICE.pick(draws(seed, "artist.genre"), artists)
    explicit_share = np.array([_EXPLICIT_SHARE.get(name, 0.06) for name in GENRES])
    durations = _MEAN_DURATION_MS * np.exp(draws(seed, "song.duration").normal(-0.04, 0.28, len(song_album)))
    names = tuple(dict.fromkeys(countries))
    return Catalogue(
        seed=seed,
        artist_genre=genre.astype(np.int8),
        artist_country=_pick_countries(seed, countries, names, artists),
        countries=names,
        album_artist=album_artist.astype(np.int32),
        album_type=np.concatenate((first.kind, later.kind)).astype(np.int8),
        album_release_ms=np.concatenate((WORLD_START_MS - age * DAY_MS, later_release_ms)),
        album_first_song=np.concatenate((first.first_song, songs + later.first_song)).astype(np.int32),
        song_album=song_album.astype(np.int32),
        song_duration_ms=np.clip(durations, _SHORTEST_MS, _LONGEST_MS).astype(np.int32),
        song_explicit=draws(seed, "song.explicit").random(len(song_album))
        < explicit_share[genre[album_artist[song_album]]],
        artist_release_ms=np.concatenate((np.full(first_artists, WORLD_START_MS), later_release_ms[is_new])),
        first_albums=len(first.kind),
    )


@dataclass(frozen=True)
class _Albums:
    kind: NDArray[np.int64]
    first_song: NDArray[np.int64]
    song_album: NDArray[np.int64]


def _make_albums(seed: int, prefix: str, songs: int) -> _Albums:
    """Make as many albums as hold `songs` songs; the last one may be cut short."""
    kind = _ALBUM_TYPE_CHOICE.pick(draws(seed, f"{prefix}album.type"), songs)
    fewest, most = _TRACKS[kind].T
    tracks = fewest + (draws(seed, f"{prefix}album.tracks").random(songs) * (most - fewest + 1)).astype(int)
    ends = np.cumsum(tracks)
    albums = int(np.searchsorted(ends, songs)) + 1
    first_song = np.concatenate(([0], ends[: albums - 1]))
    song_album = np.repeat(np.arange(albums), np.diff(np.append(first_song, songs)))
    return _Albums(kind[:albums], first_song, song_album)


def _pick_countries(
    seed: int, weighted: Sequence[str], names: tuple[str, ...], count: int
) -> NDArray[np.int16]:
    occurrences = [weighted.count(name) for name in names]
    return Weighted(occurrences).pick(draws(seed, "artist.country"), count).astype(np.int16)
