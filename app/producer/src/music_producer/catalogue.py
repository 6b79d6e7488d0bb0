"""What can be played: artists, albums and their songs; columns of numbers, turned to records on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_producer.chance import Weighted, below, choice_table, draws
from music_producer.dates import WORLD_START_TEXT, day_before_start
from music_producer.words import NamePool, TitlePool

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
_BAND_SHARE = 0.45
_EXPLICIT_SHARE = {"hip hop": 0.45, "punk": 0.3, "metal": 0.25, "r&b": 0.2}
_TITLE_FORMS: tuple[str, ...] = (
    "{noun}", "{adjective} {noun}", "The {noun}", "{verb} Me", "{noun} and {other}", "{verb} the {noun}",
    "{adjective}", "{noun} of {other}", "My {adjective} {noun}", "Never {verb}",
)  # fmt: skip
_MEAN_DURATION_MS = 200_000
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
    album_age_days: NDArray[np.int32]
    """Days from the release to the world's start."""
    album_first_song: NDArray[np.int32]
    song_album: NDArray[np.int32]
    song_duration_ms: NDArray[np.int32]
    song_explicit: NDArray[np.bool_]

    @property
    def songs(self) -> int:
        """How many songs there are."""
        return len(self.song_album)

    @property
    def song_artist(self) -> NDArray[np.int32]:
        """The artist of each song: that of its album."""
        return self.album_artist[self.song_album]


def make_catalogue(seed: int, songs: int, countries: Sequence[str]) -> Catalogue:
    """Make as many artists and albums as `songs` songs need.

    The artists come from `countries` (ISO 2), more often from one that is named more often.
    """
    # One album an artist and one song an album would be the most that could be needed.
    chance = draws(seed, "artist.albums")
    albums_of_artist = np.minimum(1 + chance.geometric(0.25, songs), _MOST_ALBUMS)
    album_artist = np.repeat(np.arange(songs), albums_of_artist)[:songs]
    album_type = _ALBUM_TYPE_CHOICE.pick(draws(seed, "album.type"), len(album_artist))
    fewest, most = _TRACKS[album_type].T
    tracks = fewest + (draws(seed, "album.tracks").random(len(album_type)) * (most - fewest + 1)).astype(int)
    ends = np.cumsum(tracks)
    albums = int(np.searchsorted(ends, songs)) + 1
    album_artist, album_type = album_artist[:albums], album_type[:albums]
    first_song = np.concatenate(([0], ends[: albums - 1]))
    song_album = np.repeat(np.arange(albums), np.diff(np.append(first_song, songs)))
    artists = int(album_artist[-1]) + 1
    genre = _GENRE_CHOICE.pick(draws(seed, "artist.genre"), artists)
    career = draws(seed, "artist.career").beta(1.2, 2.0, artists) * _LONGEST_CAREER_DAYS
    age = 1 + career[album_artist] * draws(seed, "album.age").random(albums)
    explicit_share = np.array([_EXPLICIT_SHARE.get(name, 0.06) for name in GENRES])
    durations = _MEAN_DURATION_MS * np.exp(draws(seed, "song.duration").normal(-0.04, 0.28, songs))
    names = tuple(dict.fromkeys(countries))
    return Catalogue(
        seed=seed,
        artist_genre=genre.astype(np.int8),
        artist_country=_pick_countries(seed, countries, names, artists),
        countries=names,
        album_artist=album_artist.astype(np.int32),
        album_type=album_type.astype(np.int8),
        album_age_days=age.astype(np.int32),
        album_first_song=first_song.astype(np.int32),
        song_album=song_album.astype(np.int32),
        song_duration_ms=np.clip(durations, _SHORTEST_MS, _LONGEST_MS).astype(np.int32),
        song_explicit=draws(seed, "song.explicit").random(songs)
        < explicit_share[genre[album_artist[song_album]]],
    )


def artist_id(artist: int) -> str:
    """Return the id of the artist with this number."""
    return f"artist-{artist:06d}"


def album_id(album: int) -> str:
    """Return the id of the album with this number."""
    return f"album-{album:06d}"


def song_id(song: int) -> str:
    """Return the id of the song with this number."""
    return f"song-{song:06d}"


def artist_records(
    catalogue: Catalogue, titles: TitlePool, names: dict[str, NamePool]
) -> Iterator[dict[str, Any]]:
    """Yield the dimension records, schema ``artist``."""
    count = len(catalogue.artist_genre)
    chance = draws(catalogue.seed, "artist.name")
    band = chance.random(count) < _BAND_SHARE
    picks = draws(catalogue.seed, "artist.words").random((count, 3))
    for artist in range(count):
        country = catalogue.countries[catalogue.artist_country[artist]]
        person = names[country]
        first = person.female if picks[artist, 2] < 0.5 else person.male
        if band[artist]:
            name = f"The {_at(titles.adjectives, picks[artist, 0])} {_at(titles.nouns, picks[artist, 1])}s"
        else:
            name = f"{_at(first, picks[artist, 0])} {_at(person.last, picks[artist, 1])}"
        yield {
            "artist_id": artist_id(artist),
            "name": name,
            "country": country,
            "genre": GENRES[catalogue.artist_genre[artist]],
            "updated_at": WORLD_START_TEXT,
        }


def album_records(catalogue: Catalogue, titles: TitlePool) -> Iterator[dict[str, Any]]:
    """Yield the dimension records, schema ``album``."""
    count = len(catalogue.album_artist)
    title = _titles(catalogue.seed, "album.title", count, titles)
    label = below(draws(catalogue.seed, "album.label"), len(titles.labels), count)
    for album in range(count):
        yield {
            "album_id": album_id(album),
            "title": next(title),
            "artist_id": artist_id(catalogue.album_artist[album]),
            "album_type": ALBUM_TYPES[catalogue.album_type[album]],
            "release_date": day_before_start(int(catalogue.album_age_days[album])),
            "label": titles.labels[label[album]],
            "updated_at": WORLD_START_TEXT,
        }


def song_records(catalogue: Catalogue, titles: TitlePool) -> Iterator[dict[str, Any]]:
    """Yield the dimension records, schema ``song``."""
    title = _titles(catalogue.seed, "song.title", catalogue.songs, titles)
    for song in range(catalogue.songs):
        album = int(catalogue.song_album[song])
        artist = int(catalogue.album_artist[album])
        yield {
            "song_id": song_id(song),
            "title": next(title),
            "artist_id": artist_id(artist),
            "album_id": album_id(album),
            "genre": GENRES[catalogue.artist_genre[artist]],
            "duration_ms": int(catalogue.song_duration_ms[song]),
            "track_number": song - int(catalogue.album_first_song[album]) + 1,
            "release_date": day_before_start(int(catalogue.album_age_days[album])),
            "explicit": bool(catalogue.song_explicit[song]),
            "updated_at": WORLD_START_TEXT,
        }


def _pick_countries(
    seed: int, weighted: Sequence[str], names: tuple[str, ...], count: int
) -> NDArray[np.int16]:
    occurrences = [weighted.count(name) for name in names]
    return Weighted(occurrences).pick(draws(seed, "artist.country"), count).astype(np.int16)


def _titles(seed: int, purpose: str, count: int, pool: TitlePool) -> Iterator[str]:
    for form, adjective, noun, other, verb in draws(seed, purpose).random((count, 5)):
        yield _at(_TITLE_FORMS, form).format(
            adjective=_at(pool.adjectives, adjective),
            noun=_at(pool.nouns, noun),
            other=_at(pool.nouns, other),
            verb=_at(pool.verbs, verb),
        )


def _at(values: tuple[str, ...], quantile: float) -> str:
    return values[int(quantile * len(values))]
