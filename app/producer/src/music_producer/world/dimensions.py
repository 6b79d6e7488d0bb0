"""The made world's dimensions as records: its columns of numbers written as JSON, a block of rows at a time.

Names and titles are chosen by the draws of whatever bears them, from words that Faker has made once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from string import Formatter

import numpy as np
import orjson
from music_contract.topics import DIMENSIONS
from numpy.typing import NDArray

from music_producer.source import Block
from music_producer.world import columns
from music_producer.world.catalogue import ALBUM_TYPES, GENRES, Catalogue
from music_producer.world.chance import choice_table, picks
from music_producer.world.dates import DAY_MS, WORLD_START_MS
from music_producer.world.listeners import DEVICE_MODELS, GENDERS, SUBSCRIPTIONS, Listeners
from music_producer.world.places import Place, location_records
from music_producer.world.words import NamePool, TitlePool

Ints = NDArray[np.int64]
Quantiles = NDArray[np.float64]

_ROWS = 16_384
"""Rows of a block: enough that a call of Arrow costs nothing beside its work."""

_BAND_SHARE = 0.45
_APP_VERSIONS, _APP_VERSION_CHOICE = choice_table(
    [("9.4.1", 55), ("9.4.0", 20), ("9.3.2", 12), ("9.1.0", 8), ("8.9.5", 5)]
)
_TITLE_FORMS: tuple[str, ...] = (
    "{noun}", "{adjective} {noun}", "The {noun}", "{verb} Me", "{noun} and {other}", "{verb} the {noun}",
    "{adjective}", "{noun} of {other}", "My {adjective} {noun}", "Never {verb}",
)  # fmt: skip


class Dimensions:
    """Writes the records of one world."""

    def __init__(
        self,
        places: tuple[Place, ...],
        catalogue: Catalogue,
        listeners: Listeners,
        names: dict[str, NamePool],
        titles: TitlePool,
    ) -> None:
        self._places, self._catalogue, self._listeners = places, catalogue, listeners
        self._people = _People(names)
        self._titles = _Titles(catalogue.seed, titles)
        self._lives_at = columns.table(
            f'"country":"{place.country}","location_id":"{place.location_id}"' for place in places
        )
        self._models = columns.table(
            f'"device_type":"{kind}","platform":"{platform}","model":"{model}"'
            for kind, platform, model, _ in DEVICE_MODELS
        )
        self._genres, self._countries = columns.table(GENRES), columns.table(catalogue.countries)
        self._labels = columns.table(map(_escaped, titles.labels))
        self._people_of_place = self._people.numbers([place.country for place in places])
        self._people_of_country = self._people.numbers(catalogue.countries)

    def locations(self) -> Iterator[Block]:
        """Yield the records of all places."""
        records = list(location_records(self._places))
        keys = [record["location_id"].encode() for record in records]
        yield Block(DIMENSIONS["location"].name, keys, [orjson.dumps(record) for record in records])

    def artists(self, numbers: range) -> Iterator[Block]:
        """Yield the records of some artists."""
        catalogue = self._catalogue
        for artist in _blocks(numbers):
            first, second, gender, kind = picks(catalogue.seed, "artist.name", artist, 4).T
            country = catalogue.artist_country[artist]
            person = self._people.names(self._people_of_country[country], gender < 0.5, first, second)
            name = columns.either(kind < _BAND_SHARE, self._titles.bands(first, second), person)
            number = columns.padded(artist)
            yield _block(
                "artist", columns.joined(b"artist-", number),
                b'{"artist_id":"artist-', number, b'","name":"', name,
                b'","country":"', columns.chosen(self._countries, country),
                b'","genre":"', columns.chosen(self._genres, catalogue.artist_genre[artist]),
                b'","updated_at":"', columns.moments(catalogue.artist_release_ms[artist]), b'"}',
            )  # fmt: skip

    def albums(self, numbers: range) -> Iterator[Block]:
        """Yield the records of some albums."""
        catalogue = self._catalogue
        kinds = columns.table(ALBUM_TYPES)
        for album in _blocks(numbers):
            label = picks(catalogue.seed, "album.label", album, 1)[:, 0]
            release_ms = catalogue.album_release_ms[album]
            number = columns.padded(album)
            yield _block(
                "album", columns.joined(b"album-", number),
                b'{"album_id":"album-', number, b'","title":"', self._titles.of("album.title", album),
                b'","artist_id":"artist-', columns.padded(catalogue.album_artist[album]),
                b'","album_type":"', columns.chosen(kinds, catalogue.album_type[album]),
                b'","release_date":"', columns.dates(release_ms // DAY_MS),
                b'","label":"', columns.chosen(self._labels, _at(label, len(self._labels))),
                b'","updated_at":"', columns.moments(np.maximum(release_ms, WORLD_START_MS)), b'"}',
            )  # fmt: skip

    def songs(self, numbers: range) -> Iterator[Block]:
        """Yield the records of some songs."""
        catalogue = self._catalogue
        truths = columns.table(("false", "true"))
        for song in _blocks(numbers):
            album = catalogue.song_album[song]
            artist = catalogue.album_artist[album]
            release_ms = catalogue.album_release_ms[album]
            number = columns.padded(song)
            yield _block(
                "song", columns.joined(b"song-", number),
                b'{"song_id":"song-', number, b'","title":"', self._titles.of("song.title", song),
                b'","artist_id":"artist-', columns.padded(artist),
                b'","album_id":"album-', columns.padded(album),
                b'","genre":"', columns.chosen(self._genres, catalogue.artist_genre[artist]),
                b'","duration_ms":', columns.digits(catalogue.song_duration_ms[song]),
                b',"track_number":', columns.digits(song + 1 - catalogue.album_first_song[album]),
                b',"release_date":"', columns.dates(release_ms // DAY_MS),
                b'","explicit":', columns.chosen(truths, catalogue.song_explicit[song].astype(np.int8)),
                b',"updated_at":"', columns.moments(np.maximum(release_ms, WORLD_START_MS)), b'"}',
            )  # fmt: skip

    def users(self, at_ms: int, numbers: Ints | None = None) -> Iterator[Block]:
        """Yield the records of users as of a moment; of all who are there when none are named."""
        listeners = self._listeners
        genders, plans = columns.table(GENDERS), columns.table(SUBSCRIPTIONS)
        for user in _blocks(listeners.present_at(at_ms) if numbers is None else numbers):
            gender = listeners.gender[user]
            first, last, coin = picks(listeners.seed, "user.name", user, 3).T
            female = (gender == _FEMALE) | ((gender != _MALE) & (coin < 0.5))
            # Where the account was opened: a name does not change with a move.
            people = self._people_of_place[listeners.location[user]]
            number = columns.padded(user)
            yield _block(
                "user", columns.joined(b"user-", number),
                b'{"user_id":"user-', number,
                b'","name":"', self._people.names(people, female, first, last),
                b'","email":"', self._people.mailboxes(people, female, first, last),
                b".", columns.digits(user), b'@example.com","birth_date":"',
                columns.dates(WORLD_START_MS // DAY_MS - listeners.age_days[user]),
                b'","gender":"', columns.chosen(genders, gender),
                b'",', columns.chosen(self._lives_at, listeners.locations_at(user, at_ms)),
                b',"subscription":"', columns.chosen(plans, listeners.subscriptions_at(user, at_ms)),
                b'","signed_up_at":"', columns.moments(listeners.signed_up_ms[user]),
                b'","updated_at":"', columns.moments(listeners.changed_ms(user, at_ms)), b'"}',
            )  # fmt: skip

    def devices(self, at_ms: int, users: Ints | None = None) -> Iterator[Block]:
        """Yield the records of the devices of users, who are named as in `users`."""
        listeners = self._listeners
        versions = columns.table(_APP_VERSIONS)
        for owners in _blocks(listeners.present_at(at_ms) if users is None else users):
            user, place = listeners.devices_of(owners)
            device = listeners.first_device[user] + place
            version = _APP_VERSION_CHOICE.at(picks(listeners.seed, "device.version", device, 1)[:, 0])
            number = columns.joined(columns.padded(user), b"-", columns.digits(place + 1))
            since_ms = np.maximum(listeners.signed_up_ms[user], WORLD_START_MS)
            yield _block(
                "device", columns.joined(b"device-", number),
                b'{"device_id":"device-', number, b'","user_id":"user-', columns.padded(user),
                b'",', columns.chosen(self._models, listeners.device_model[device]),
                b',"app_version":"', columns.chosen(versions, version),
                b'","updated_at":"', columns.moments(since_ms), b'"}',
            )  # fmt: skip


_FEMALE, _MALE = GENDERS.index("female"), GENDERS.index("male")


class _People:
    """The names of people: those of each country's pool one pool after the other, all of one size."""

    def __init__(self, pools: dict[str, NamePool]) -> None:
        distinct = list(dict.fromkeys(pools.values()))
        self._number_of_country = {country: distinct.index(pool) for country, pool in pools.items()}
        self._firsts, self._lasts = len(distinct[0].female), len(distinct[0].last)
        firsts = [name for pool in distinct for name in (*pool.female, *pool.male)]
        lasts = [name for pool in distinct for name in pool.last]
        self._first_names, self._last_names = (
            columns.table(map(_escaped, names)) for names in (firsts, lasts)
        )
        self._first_letters = columns.table(map(_letters, firsts))
        self._last_letters = columns.table(map(_letters, lasts))

    def numbers(self, countries: Sequence[str]) -> NDArray[np.int64]:
        """Return which pool is each country's."""
        return np.array([self._number_of_country[country] for country in countries])

    def names(
        self, pool: Ints, female: NDArray[np.bool_], first: Quantiles, last: Quantiles
    ) -> columns.Texts:
        """Return first and last names, chosen by even draws."""
        return columns.joined(
            columns.chosen(self._first_names, self._first(pool, female, first)),
            b" ",
            columns.chosen(self._last_names, self._last(pool, last)),
        )

    def mailboxes(
        self, pool: Ints, female: NDArray[np.bool_], first: Quantiles, last: Quantiles
    ) -> columns.Texts:
        """Return what stands for the same names in addresses: ``listener`` where none of it is of ASCII."""
        firsts = columns.chosen(self._first_letters, self._first(pool, female, first))
        lasts = columns.chosen(self._last_letters, self._last(pool, last))
        has_first, has_last = columns.lengths(firsts) > 0, columns.lengths(lasts) > 0
        both = columns.either(
            has_first & has_last, columns.joined(firsts, b".", lasts), columns.joined(firsts, lasts)
        )
        return columns.either(has_first | has_last, both, b"listener")

    def _first(self, pool: Ints, female: NDArray[np.bool_], quantile: Quantiles) -> Ints:
        return (pool * 2 + ~female) * self._firsts + _at(quantile, self._firsts)

    def _last(self, pool: Ints, quantile: Quantiles) -> Ints:
        return pool * self._lasts + _at(quantile, self._lasts)


class _Titles:
    """Titles of songs and albums, and names of bands."""

    def __init__(self, seed: int, pool: TitlePool) -> None:
        self._seed = seed
        self._adjectives, self._nouns, self._verbs = (
            columns.table(map(_escaped, words)) for words in (pool.adjectives, pool.nouns, pool.verbs)
        )

    def bands(self, adjective: Quantiles, noun: Quantiles) -> columns.Texts:
        """Return names of bands, chosen by even draws."""
        adjectives = columns.chosen(self._adjectives, _at(adjective, len(self._adjectives)))
        return columns.joined(
            b"The ", adjectives, b" ", columns.chosen(self._nouns, _at(noun, len(self._nouns))), b"s"
        )

    def of(self, purpose: str, numbers: Ints) -> columns.Texts:
        """Return the title of each number."""
        form, *quantiles = picks(self._seed, purpose, numbers, 5).T
        tables = (self._adjectives, self._nouns, self._nouns, self._verbs)
        words = {
            name: columns.chosen(table, _at(quantile, len(table)))
            for name, table, quantile in zip(
                ("adjective", "noun", "other", "verb"), tables, quantiles, strict=True
            )
        }
        forms = _at(form, len(_TITLE_FORMS))
        rows = [np.flatnonzero(forms == number) for number in range(len(_TITLE_FORMS))]
        titles = [
            _of_form(text, {name: columns.chosen(column, some) for name, column in words.items()})
            for text, some in zip(_TITLE_FORMS, rows, strict=True)
        ]
        return columns.in_order(titles, rows)


def _of_form(form: str, words: dict[str, columns.Texts]) -> columns.Texts:
    parts: list[columns.Texts | bytes] = []
    for literal, field, *_ in Formatter().parse(form):
        parts.append(literal.encode())
        if field is not None:
            parts.append(words[field])
    return columns.joined(*parts)


def _block(schema: str, keys: columns.Texts, *parts: columns.Texts | bytes) -> Block:
    return Block(DIMENSIONS[schema].name, keys.to_pylist(), columns.joined(*parts).to_pylist())


def _blocks(numbers: range | Ints) -> Iterator[Ints]:
    for first in range(0, len(numbers), _ROWS):
        yield np.asarray(numbers[first : first + _ROWS], dtype=np.int64)


def _at(quantiles: Quantiles, count: int) -> Ints:
    """Return which of so many things each even draw of [0, 1) chooses."""
    return (quantiles * count).astype(np.int64)


def _escaped(text: str) -> str:
    """Return text as it stands between the quotes of JSON."""
    return orjson.dumps(text).decode()[1:-1]


def _letters(name: str) -> str:
    """Return what an address can hold of a name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(character if character.isalnum() else "." for character in plain).strip(".")
