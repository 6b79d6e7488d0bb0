"""Who likes what: latent factors of users and songs, popularity, new releases and trends.

A song is chosen among a few candidates. These come by popularity (Zipf's law over ranks), some from the
newest releases and some from the songs that trend at that moment; the one that fits the listener's factors
best has the best chance. So recommendations can be learned from the plays, and the truth behind them is
known: the factors and trends are written with the ground truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_producer.world.catalogue import GENRES, Catalogue
from music_producer.world.chance import Hashed, Zipf, draws, member_keys
from music_producer.world.dates import CHANGING_DAYS, DAY_MS, HOUR_MS, WORLD_START_MS

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FACTORS = 8
CANDIDATES = 4
TASTE_SHARPNESS = 2.5
"""Weight of the fit (a scalar product of unit vectors) against chance among the candidates."""

NEW_SHARE, NEW_DAYS = 0.08, 21.0
"""Share of candidates that are new releases, and the mean age of these in days: their decay."""
TREND_SHARE = 0.05
"""Share of candidates that are trending songs, while there are any."""
TRENDS_A_WEEK = 4
_TREND_RISE_DAYS, _TREND_FALL_DAYS, _TREND_DAYS = 3.0, 6.0, 21.0

_ARTIST_SPREAD, _SONG_SPREAD, _USER_SPREAD = 0.7, 0.5, 0.5
_PLAYLIST_LENGTH = 50
_SONGS_A_PLAYLIST = 40
_FEWEST_PLAYLISTS, _MOST_PLAYLISTS = 20, 20_000

# The purposes of draws in `choose`; a caller's own stay below.
_SOURCE, _QUANTILE, _WITHIN, _LUCK = 100, 110, 120, 130


@dataclass(frozen=True)
class Trends:
    """Songs that are heard more than their rank says, for about three weeks each."""

    song: Ints
    begin_ms: Ints

    def weights_at(self, hour: int) -> NDArray[np.float64]:
        """Return how strong each trend is in an hour since 1970: rising for days, falling for longer."""
        days = (hour * HOUR_MS - self.begin_ms) / DAY_MS
        rising = np.clip(days / _TREND_RISE_DAYS, 0.0, 1.0)
        strength = rising * np.exp(-np.maximum(days - _TREND_RISE_DAYS, 0.0) / _TREND_FALL_DAYS)
        return np.asarray(np.where((days > 0) & (days < _TREND_DAYS), strength, 0.0))


class Taste:
    """The factors, and the choice of songs by them."""

    def __init__(self, seed: int, catalogue: Catalogue, users: int, zipf_exponent: float) -> None:
        self.genre_factors = _unit(draws(seed, "taste.genre").normal(size=(len(GENRES), FACTORS)))
        artist = self.genre_factors[catalogue.artist_genre]
        artist = _unit(artist + _noise(seed, "taste.artist", len(artist), _ARTIST_SPREAD))
        song = artist[catalogue.song_artist]
        self.song_factors = _unit(song + _noise(seed, "taste.song", len(song), _SONG_SPREAD))
        favourites = draws(seed, "taste.favourites").integers(0, len(GENRES), (users, 2))
        user = self.genre_factors[favourites[:, 0]] + 0.7 * self.genre_factors[favourites[:, 1]]
        self.user_factors = _unit(user + _noise(seed, "taste.user", users, _USER_SPREAD))
        self._first_songs = _first(catalogue)
        self._zipf = Zipf(self._first_songs, zipf_exponent)
        self.song_of_rank = _ranking(seed, catalogue, self._first_songs)
        self.trends = _make_trends(seed, self.song_of_rank)
        self._recent = _by_release(catalogue)
        self._chance_of_trend: dict[int, tuple[Ints, NDArray[np.float64]]] = {}
        self.playlists = self._make_playlists(seed)

    def choose(self, wishes: Floats, moments: Ints, chance: Hashed) -> Ints:
        """Return a song for each row of `wishes` (unit vectors of FACTORS), as heard at `moments`."""
        candidates = self._candidates(moments, chance)
        fit = np.einsum("nck,nk->nc", self.song_factors[candidates], wishes)
        # Adding Gumbel noise and taking the largest draws with the softmax's probabilities (Yellott 1977).
        luck = chance.uniforms(CANDIDATES, _LUCK)
        score = TASTE_SHARPNESS * fit - np.log(-np.log(luck + 1e-12) + 1e-12)
        best = np.argmax(score, axis=1)
        return np.asarray(candidates[np.arange(len(best)), best])

    def choose_playlist(self, wishes: Floats, chance: Hashed) -> Ints:
        """Return the number of a playlist for each row of `wishes`: the best of some that are come upon."""
        quantiles = chance.uniforms(CANDIDATES, _QUANTILE)
        candidates = (quantiles * len(self.playlists)).astype(np.int64)
        fit = np.einsum("nck,nk->nc", self._themes[candidates], wishes)
        return np.asarray(candidates[np.arange(len(fit)), np.argmax(fit, axis=1)])

    def fit(self, users: Ints, songs: Ints) -> NDArray[np.float64]:
        """Return how well songs fit users, from -1 to 1."""
        fit = np.einsum("nk,nk->n", self.user_factors[users], self.song_factors[songs])
        return np.asarray(fit, dtype=np.float64)

    def _candidates(self, moments: Ints, chance: Hashed) -> Ints:
        """Return CANDIDATES songs for each moment, a row each."""
        source = chance.uniforms(CANDIDATES, _SOURCE)
        quantile = chance.uniforms(CANDIDATES, _QUANTILE)
        songs = self.song_of_rank[self._zipf.at(quantile)]
        new = source < NEW_SHARE
        row, number = np.nonzero(new)
        within = chance.uniforms(CANDIDATES, _WITHIN)[row, number]
        songs[new] = self._new_song(moments[row], quantile[new], within)
        trending = source > 1.0 - TREND_SHARE
        row, _ = np.nonzero(trending)
        songs[trending] = self._trending_song(moments[row], quantile[trending], songs[trending])
        return songs

    def _new_song(self, moments: Ints, quantiles: NDArray[np.float64], within: NDArray[np.float64]) -> Ints:
        """Return songs whose age is exponential: one of those that came out last before so many days ago."""
        release_ms, order = self._recent
        age_ms = (-np.log1p(-quantiles) * NEW_DAYS * DAY_MS).astype(np.int64)
        last = np.searchsorted(release_ms, moments - age_ms, side="right") - 1
        album_songs = np.minimum(last, 5)
        return np.asarray(order[np.maximum(last - (within * (album_songs + 1)).astype(np.int64), 0)])

    def _trending_song(self, moments: Ints, quantiles: NDArray[np.float64], otherwise: Ints) -> Ints:
        songs = otherwise.copy()
        hours = moments // HOUR_MS
        for hour in np.unique(hours).tolist():
            trend_songs, sums = self._trends_at(hour)
            if len(trend_songs):
                rows = hours == hour
                songs[rows] = trend_songs[np.searchsorted(sums, quantiles[rows], side="right")]
        return songs

    def _trends_at(self, hour: int) -> tuple[Ints, NDArray[np.float64]]:
        if hour not in self._chance_of_trend:
            if len(self._chance_of_trend) > 10_000:
                self._chance_of_trend.clear()
            weights = self.trends.weights_at(hour)
            active = np.flatnonzero(weights)
            sums = np.cumsum(weights[active])
            sums = sums / sums[-1] if len(sums) else sums
            self._chance_of_trend[hour] = self.trends.song[active], sums
        return self._chance_of_trend[hour]

    def _make_playlists(self, seed: int) -> Ints:
        """Make playlists, a row each, whose songs fit a theme; they hold what was out at the world's
        start.
        """
        songs = self._first_songs
        count = int(np.clip(songs // _SONGS_A_PLAYLIST, _FEWEST_PLAYLISTS, _MOST_PLAYLISTS))
        genre = draws(seed, "playlist.genre").integers(0, len(GENRES), count)
        theme = self.genre_factors[genre] + _noise(seed, "playlist.theme", count, _USER_SPREAD)
        self._themes = _unit(theme)
        wishes = np.repeat(self._themes, _PLAYLIST_LENGTH, axis=0)
        chance = Hashed(member_keys(seed, "playlist.songs", np.arange(len(wishes))))
        moments = np.full(len(wishes), WORLD_START_MS)
        return self.choose(wishes, moments, chance).reshape(count, _PLAYLIST_LENGTH)


def _first(catalogue: Catalogue) -> int:
    return catalogue.out_at(WORLD_START_MS)[2]


def _unit(vectors: NDArray[np.float64] | Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _noise(seed: int, purpose: str, count: int, spread: float) -> Floats:
    normal = draws(seed, purpose).standard_normal((count, FACTORS), dtype=np.float32)
    return np.asarray(normal * np.float32(spread / np.sqrt(FACTORS) * 2), dtype=np.float32)


def _ranking(seed: int, catalogue: Catalogue, songs: int) -> Ints:
    """Return the songs by popularity: a popular artist's songs stand near the top together."""
    of_artist = draws(seed, "popularity.artist").normal(size=len(catalogue.artist_genre))
    of_song = draws(seed, "popularity.song").normal(size=songs)
    return np.argsort(-(of_artist[catalogue.song_artist[:songs]] + of_song), kind="stable")


def _by_release(catalogue: Catalogue) -> tuple[Ints, Ints]:
    """Return the moments of release of all songs in order, and the songs in that order."""
    release_ms = catalogue.song_release_ms
    order = np.argsort(release_ms, kind="stable")
    return release_ms[order], order


def _make_trends(seed: int, song_of_rank: Ints) -> Trends:
    """Draw TRENDS_A_WEEK songs for each week, from the middle of the ranking: who is on top needs no
    trend.
    """
    weeks = CHANGING_DAYS // 7
    chance = draws(seed, "trends").random((weeks * TRENDS_A_WEEK, 2))
    rank = ((0.02 + 0.48 * chance[:, 0]) * len(song_of_rank)).astype(np.int64)
    week = np.repeat(np.arange(weeks), TRENDS_A_WEEK)
    begin_ms = WORLD_START_MS + ((week + chance[:, 1]) * 7 * DAY_MS).astype(np.int64)
    return Trends(song_of_rank[rank], begin_ms)
