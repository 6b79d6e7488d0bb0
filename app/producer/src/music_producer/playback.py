"""Playbacks: who hears what, for how long, and why it ends. Pure: time and chance come from outside.

Each event is plausible in itself: songs follow Zipf's law, skips the shares measured on Spotify (Lamere 2014:
24 % of plays are skipped within 5 s, 35 % within 30 s, 48.6 % before the end), and ms_played, skipped and the
reasons agree. A user's events are not laid end to end: at a rate that the users could not reach by listening
all day, their playbacks overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from music_contract import rules, schemas, times
from music_contract.topics import STREAM_EVENTS
from numpy.typing import NDArray

from music_producer.catalogue import album_id, artist_id, song_id
from music_producer.chance import Weighted, draws, zipf_weights
from music_producer.identifiers import uuid7_texts
from music_producer.listeners import SUBSCRIPTIONS, device_id, user_id
from music_producer.places import Place
from music_producer.source import Record
from music_producer.world import World

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

REASONS = schemas.vocabulary("stream-event", "reason_end")
_R = {name: number for number, name in enumerate(REASONS)}

ZIPF_EXPONENT = 0.9
"""Popularity of the song of rank r is r to the minus this; music services lie between 0.7 and 1."""

SKIPPED_IN_5_S, SKIPPED_IN_30_S, SKIPPED_AT_ALL = 0.24, 0.35, 0.486
_STOPPED_SHARE = 0.03
"""Playbacks that end early without a skip: the listener stops for the day."""

_ACTIVITY_SPREAD = 1.0
"""Sigma of the lognormal that says how much more some users listen than others."""

_SHUFFLE_SHARE, _OFFLINE_SHARE = 0.35, 0.06
_LIKED_SHARE, _ADDED_SHARE = 0.04, 0.015
_PAUSED_SHARE, _MEAN_PAUSE_MS = 0.05, 60_000
_LONGEST_SPREAD_MS = 1_000

_SESSION_STARTS = np.array([_R["clickrow"], _R["appload"], _R["playbtn"], _R["remote"]])
_SESSION_START_CHOICE = Weighted([0.55, 0.2, 0.2, 0.05])
_SKIP_ENDS = np.array([_R["fwdbtn"], _R["clickrow"], _R["backbtn"]])
_SKIP_END_CHOICE = Weighted([0.8, 0.12, 0.08])
_STOP_ENDS = np.array([_R["endplay"], _R["logout"], _R["remote"]])
_STOP_END_CHOICE = Weighted([0.75, 0.2, 0.05])
# How a playback starts, given how the one before it ended: by the same deed, unless that stopped the music.
_START_AFTER_END = np.arange(len(REASONS))
_START_AFTER_END[[_R["endplay"], _R["logout"], _R["remote"]]] = _R["playbtn"], _R["appload"], _R["remote"]


@dataclass(frozen=True)
class _Heard:
    """How the playbacks of a batch went."""

    ms_played: Ints
    skipped: Flags
    reason_end: Ints


class Simulation:
    """The event source of the made world."""

    def __init__(self, world: World, ids: np.random.Generator | None = None) -> None:
        """Start with no one listening; `ids` is the chance in event ids (default: never the same twice)."""
        self._world = world
        self._ids = np.random.default_rng() if ids is None else ids
        self._chance = draws(world.seed, "playback")
        users, songs = world.listeners.users, world.catalogue.songs
        activity = draws(world.seed, "user.activity").lognormal(0.0, _ACTIVITY_SPREAD, users)
        self._listening = Weighted(activity)
        self._song_of_rank = draws(world.seed, "song.popularity").permutation(songs)
        self._popularity = Weighted(zipf_weights(songs, ZIPF_EXPONENT))
        self._song_artist = world.catalogue.song_artist
        # By user: end of the last playback, how it ended, start of the session and its device.
        self._ended_ms = np.full(users, np.iinfo(np.int64).min // 2)
        self._reason_end = np.zeros(users, dtype=np.int8)
        self._session_ms = np.zeros(users, dtype=np.int64)
        self._device = np.zeros(users, dtype=np.int8)
        self._now_ms: int | None = None

    def batch(self, most: int, now_ms: int) -> Sequence[Record]:
        """Return up to `most` playbacks that ended since the last call, at most one a user."""
        users = self._pick_users(most)
        event_ms = self._spread(len(users), now_ms)
        songs = self._song_of_rank[self._popularity.pick(self._chance, len(users))]
        heard = self._hear(self._world.catalogue.song_duration_ms[songs].astype(np.int64))
        pauses = self._chance.exponential(_MEAN_PAUSE_MS, len(users))
        pauses *= self._chance.random(len(users)) < _PAUSED_SHARE
        started_ms = event_ms - heard.ms_played - pauses.astype(np.int64)
        reason_start = self._enter_sessions(users, started_ms)
        self._ended_ms[users] = event_ms
        self._reason_end[users] = heard.reason_end
        return self._render(users, songs, event_ms, started_ms, heard, reason_start, now_ms)

    def _pick_users(self, most: int) -> Ints:
        drawn = self._listening.pick(self._chance, most)
        first_places = np.unique(drawn, return_index=True)[1]
        return drawn[np.sort(first_places)]

    def _spread(self, count: int, now_ms: int) -> Ints:
        """Spread `count` moments evenly from the last call to now, over a second at most."""
        last_ms = now_ms if self._now_ms is None else self._now_ms
        self._now_ms = now_ms
        gap = min(max(now_ms - last_ms, 0), _LONGEST_SPREAD_MS)
        return now_ms - gap + (np.arange(1, count + 1) * gap) // max(count, 1)

    def _hear(self, duration_ms: Ints) -> _Heard:
        """Draw how long each song is heard, and how that ends."""
        count = len(duration_ms)
        fate, share = self._chance.random(count), self._chance.random(count)
        lower = np.select([fate < SKIPPED_IN_5_S, fate < SKIPPED_IN_30_S], [300, 5_000], 30_000)
        upper = np.select([fate < SKIPPED_IN_5_S, fate < SKIPPED_IN_30_S], [5_000, 30_000], duration_ms)
        skipped = fate < SKIPPED_AT_ALL
        stopped = ~skipped & (fate < SKIPPED_AT_ALL + _STOPPED_SHARE)
        cut_short = (lower + share * (upper - lower)).astype(np.int64)
        ms_played = np.where(skipped | stopped, np.minimum(cut_short, duration_ms - 1), duration_ms)
        skip_end = _SKIP_ENDS[_SKIP_END_CHOICE.pick(self._chance, count)]
        stop_end = _STOP_ENDS[_STOP_END_CHOICE.pick(self._chance, count)]
        reason_end = np.select([skipped, stopped], [skip_end, stop_end], _R["trackdone"])
        return _Heard(ms_played, skipped, reason_end)

    def _enter_sessions(self, users: Ints, started_ms: Ints) -> Ints:
        """Open a session for those who come back after the gap, each on one device; return why they start."""
        count = len(users)
        gap_ms = int(rules.SESSION_GAP.total_seconds() * 1000)
        new = started_ms - self._ended_ms[users] > gap_ms
        first = self._world.listeners.first_device
        owned = first[users + 1] - first[users]
        device = (self._chance.random(count) * owned).astype(np.int8)
        self._device[users] = np.where(new, device, self._device[users])
        self._session_ms[users] = np.where(new, started_ms, self._session_ms[users])
        opening = _SESSION_STARTS[_SESSION_START_CHOICE.pick(self._chance, count)]
        return np.where(new, opening, _START_AFTER_END[self._reason_end[users]])

    def _render(
        self,
        users: Ints,
        songs: Ints,
        event_ms: Ints,
        started_ms: Ints,
        heard: _Heard,
        reason_start: Ints,
        now_ms: int,
    ) -> list[Record]:
        """Turn the columns of a batch to records."""
        catalogue, listeners = self._world.catalogue, self._world.listeners
        flags = self._chance.random((4, len(users)))
        subscription = listeners.subscription[users]
        paying = subscription != SUBSCRIPTIONS.index("free")
        columns = (
            event_ms,
            started_ms,
            users,
            self._session_ms[users],
            songs,
            self._song_artist[songs],
            catalogue.song_album[songs],
            self._device[users],
            listeners.location[users],
            heard.ms_played,
            catalogue.song_duration_ms[songs],
            reason_start,
            heard.reason_end,
            heard.skipped,
            flags[0] < _SHUFFLE_SHARE,
            paying & (flags[1] < _OFFLINE_SHARE),
            ~heard.skipped & (flags[2] < _LIKED_SHARE),
            ~heard.skipped & (flags[3] < _ADDED_SHARE),
            subscription,
        )
        ids = uuid7_texts(event_ms, self._ids)
        produced_at = times.to_text(now_ms)
        # Lists of Python's own numbers: a NumPy scalar for each field would cost more than all the rest.
        rows = zip(ids, *(column.tolist() for column in columns), strict=True)
        return [_record(self._world.places, produced_at, row) for row in rows]


def _record(places: tuple[Place, ...], produced_at: str, row: tuple[Any, ...]) -> Record:
    """Turn one row of `Simulation._render`'s columns, led by the event id, to its record."""
    (
        event_id, ended, started, user, session, song, artist, album, device, location,
        ms_played, duration, start, end, skipped, shuffle, offline, liked, added, subscription,
    ) = row  # fmt: skip
    listener = user_id(user)
    event = {
        "event_id": event_id,
        "event_time": times.to_text(ended),
        "started_at": times.to_text(started),
        "user_id": listener,
        "session_id": f"session-{user:06d}-{session}",
        "song_id": song_id(song),
        "artist_id": artist_id(artist),
        "album_id": album_id(album),
        "device_id": device_id(user, device),
        "location_id": places[location].location_id,
        "ms_played": ms_played,
        "song_duration_ms": duration,
        "reason_start": REASONS[start],
        "reason_end": REASONS[end],
        "skipped": skipped,
        "shuffle": shuffle,
        "offline": offline,
        "liked": liked,
        "added_to_playlist": added,
        "subscription": SUBSCRIPTIONS[subscription],
        "experiments": {},
        "produced_at": produced_at,
    }
    return Record(STREAM_EVENTS, listener.encode(), orjson.dumps(event), ended)
