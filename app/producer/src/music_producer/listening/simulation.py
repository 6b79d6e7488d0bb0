"""The listeners' lives: logged out, browsing, listening, paused; a state machine in columns of numbers.

Every listener has a playback under way and knows when it ends; when time reaches that moment the playback
becomes an event and the listener's next one is drawn: the next song of the album, playlist or radio, or after
browsing one of another context, or, when the session is over, the first of the next session in the listener's
own evening. All of it is drawn from the listener's own stream of chance (`chance.Hashed`), so the events
depend on the seed, the settings and the start, and not on the steps in which time is advanced.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
from music_contract import schemas
from numpy.typing import NDArray

from music_producer.listening import rhythm, skipping
from music_producer.listening.playbacks import TIE_BITS, Flags, Ints, Playbacks, joined
from music_producer.listening.population import (
    DEVICE_LOG_ODDS,
    LONGEST_SESSION_MS,
    MEAN_SESSION_MS,
    SESSION_GAP_MS,
    SESSION_MEDIAN_MS,
    SESSION_SPREAD,
    Population,
    device_at,
    listeners_needed,
    sessions_a_ms,
)
from music_producer.world.chance import Hashed, Weighted, member_keys, normal
from music_producer.world.dates import MINUTE_MS, SECOND_MS
from music_producer.world.listeners import FREE, NEVER_MS

REASONS = schemas.vocabulary("stream-event", "reason_end")
_R = {name: number for number, name in enumerate(REASONS)}

WARM_UP_MS = 8 * MINUTE_MS
"""So long before its start a simulation begins with those who are in a session."""
_BLOCK = 32_768
"""Listeners whose next playbacks are drawn at once: NumPy's calls cost nothing beside their work, and the
columns still fit a processor's cache.
"""

_SONG_GAP_MS = 400
_BROWSING_MEDIAN_MS, _BROWSING_SPREAD, _LONGEST_BROWSING_MS = 12 * SECOND_MS, 1.0, 10 * MINUTE_MS
_PAUSED_SHARE, _MEAN_PAUSE_MS, _LONGEST_PAUSE_MS = 0.04, 60 * SECOND_MS, 20 * MINUTE_MS
_STOPS_IN_SONG_SHARE = 0.5
"""Sessions that end in the midst of a song; the others end with it."""
_LIKED_SHARE, _ADDED_SHARE = 0.035, 0.015
ALBUM, PLAYLIST, RADIO = range(3)
_CONTEXT_CHOICE = Weighted([0.25, 0.45, 0.30])
_PLAYLIST_SONGS = 50

_SESSION_STARTS = np.array([_R["clickrow"], _R["appload"], _R["playbtn"], _R["remote"]])
_SESSION_START_CHOICE = Weighted([0.55, 0.2, 0.2, 0.05])
_SKIP_ENDS = np.array([_R["fwdbtn"], _R["backbtn"]])
_SKIP_END_CHOICE = Weighted([0.92, 0.08])
_STOP_ENDS = np.array([_R["endplay"], _R["logout"], _R["remote"]])
_STOP_END_CHOICE = Weighted([0.75, 0.2, 0.05])

# The purposes of a listener's draws at one step; those from 100 on are `Taste.choose`'s.
(
    _WAIT, _LENGTH, _LENGTH_2, _DEVICE, _OFFLINE, _OPENING, _SWITCH, _BROWSING, _BROWSING_2, _CONTEXT,
    _SHUFFLE, _POSITION, _SKIP, _SKIP_AT, _PAUSE, _PAUSE_LENGTH, _STOP, _END, _LIKE, _ADD, _OTHER_DEVICE,
    _GAP, _OWN, _RESIDUE, _PRESENT,
) = range(1, 26)  # fmt: skip


class State(IntEnum):
    """What a listener does."""

    LOGGED_OUT = 0
    BROWSING = 1
    LISTENING = 2
    PAUSED = 3


def _blocks(who: Ints) -> Iterator[Ints]:
    """Yield the listeners in blocks whose columns fit a processor's cache."""
    for first in range(0, len(who), _BLOCK):
        yield who[first : first + _BLOCK]


class Simulation:
    """The listeners from a start on; `advance` brings them to a later moment and returns what they heard."""

    def __init__(
        self, population: Population, start_ms: int, rate: float, busy_until_ms: Ints | None = None
    ) -> None:
        """Begin in the midst of life: at the start some listeners are in a session already.

        Args:
            population: who listens.
            start_ms: when, milliseconds since 1970 (UTC); not before the world's start.
            rate: events a second on the week's average.
            busy_until_ms: by listener, until when an earlier simulation knows them to listen.
        """
        self._population = population
        self._world = population.world
        users = population.world.listeners.users
        present = population.world.listeners.present_at(start_ms)
        lanes = listeners_needed(len(present), rate)
        count = users * lanes
        self.listeners_a_user = lanes
        self._user = np.tile(np.arange(users), lanes)
        self._key = member_keys(population.world.seed, f"playback.{start_ms}", np.arange(count))
        self._step = np.ones(count, dtype=np.uint64)
        scale = sessions_a_ms(population.activity[present], rate / lanes)
        self._per_ms = np.tile(population.activity * scale, lanes)
        self._start_ms = start_ms
        # The playback under way or to come, by listener.
        self._end_ms = np.full(count, NEVER_MS)
        self._begin_ms = np.zeros(count, dtype=np.int64)
        self._ms_played = np.zeros(count, dtype=np.int32)
        self._song = np.zeros(count, dtype=np.int32)
        self._reason_start = np.zeros(count, dtype=np.int8)
        self._reason_end = np.zeros(count, dtype=np.int8)
        self._skipped = np.zeros(count, dtype=np.bool_)
        self._liked = np.zeros(count, dtype=np.bool_)
        self._added = np.zeros(count, dtype=np.bool_)
        self._switches = np.zeros(count, dtype=np.bool_)
        self._chance = np.zeros(count, dtype=np.uint64)
        self._last_end_ms = np.zeros(count, dtype=np.int64)
        # The session.
        self._session_ms = np.full(count, NEVER_MS)
        self._session_end_ms = np.zeros(count, dtype=np.int64)
        self._device = np.zeros(count, dtype=np.int8)
        self._offline = np.zeros(count, dtype=np.bool_)
        # What plays.
        self._context = np.zeros(count, dtype=np.int8)
        self._list = np.zeros(count, dtype=np.int32)
        self._position = np.zeros(count, dtype=np.int16)
        self._shuffle = np.zeros(count, dtype=np.bool_)
        self._begin(busy_until_ms)

    @property
    def next_end_ms(self) -> int:
        """When the next playback ends."""
        return int(self._end_ms.min())

    @property
    def busy_until_ms(self) -> Ints:
        """By listener, when the last playback that has been returned ended."""
        return self._last_end_ms

    def states(self, now_ms: int) -> NDArray[np.int8]:
        """Return the State of each listener at a moment that has been reached."""
        listening = self._begin_ms <= now_ms
        in_session = self._session_ms <= now_ms
        paused = listening & (now_ms > self._begin_ms + self._ms_played)
        state = np.where(in_session, State.BROWSING, State.LOGGED_OUT)
        state = np.where(in_session & listening, State.LISTENING, state)
        return np.where(in_session & paused, State.PAUSED, state).astype(np.int8)

    def advance(self, until_ms: int) -> Playbacks | None:
        """Return the playbacks that end by then and have not been returned, in the order of their ends."""
        self._join(until_ms)
        due = np.flatnonzero(self._end_ms <= until_ms)
        if not len(due):
            return None
        parts = []
        while len(due):
            parts.append(self._ended(due))
            for who in _blocks(due):
                self._go_on(who)
            due = due[self._end_ms[due] <= until_ms]
        ended = joined(parts)
        # One number to sort by is much faster than two columns.
        own = (ended.chance & TIE_BITS).astype(np.int64)
        return ended.take(np.argsort(ended.ended_ms << 21 | own, kind="stable"))

    def _ended(self, who: Ints) -> Playbacks:
        user = self._user[who]
        begin_ms = self._begin_ms[who]
        listeners = self._world.listeners
        return Playbacks(
            ended_ms=self._end_ms[who],
            started_ms=begin_ms,
            listener=who,
            user=user,
            session_ms=self._session_ms[who],
            song=self._song[who].astype(np.int64),
            device=self._device[who].astype(np.int16),
            place=listeners.locations_at(user, begin_ms),
            ms_played=self._ms_played[who].astype(np.int64),
            reason_start=self._reason_start[who],
            reason_end=self._reason_end[who],
            skipped=self._skipped[who],
            shuffle=self._shuffle[who],
            offline=self._offline[who],
            liked=self._liked[who],
            added=self._added[who],
            subscription=listeners.subscriptions_at(user, begin_ms),
            chance=self._chance[who],
        )

    def _begin(self, busy_until_ms: Ints | None) -> None:
        listeners, start_ms = self._world.listeners, self._start_ms
        chance = Hashed(self._key)
        signed_up_ms = listeners.signed_up_ms[self._user]
        self._joining = np.flatnonzero(signed_up_ms > start_ms)
        self._joining = self._joining[np.argsort(signed_up_ms[self._joining], kind="stable")]
        self._joining_ms = signed_up_ms[self._joining]
        present = (signed_up_ms <= start_ms) & (listeners.cancel_ms[self._user] > start_ms)
        begins = np.full(len(self._user), start_ms)
        offset_ms = self._population.local_time.offset_ms(listeners.locations_at(self._user, begins), begins)
        in_session = MEAN_SESSION_MS / (1.0 / self._per_ms + SESSION_GAP_MS + MEAN_SESSION_MS)
        in_session = np.minimum(in_session * rhythm.rate_at(offset_ms, begins), 0.95)
        is_in_session = chance.uniform(_PRESENT) < in_session
        away = np.flatnonzero(present & ~is_in_session)
        in_session_now = np.flatnonzero(present & is_in_session)
        for who in _blocks(away):
            self._come_back(who, begins[who], chance.some(who))
        for who in _blocks(in_session_now):
            self._begin_in_session(who, chance.some(who))
        if busy_until_ms is not None:
            self._wait_for(busy_until_ms)

    def _begin_in_session(self, now: Ints, some: Hashed) -> None:
        start_ms = self._start_ms
        self._open_session(now, np.full(len(now), start_ms), some)
        # Whoever is met in a session is met in a long one sooner, and somewhere between its ends.
        length_ms = (self._session_end_ms[now] - start_ms) * np.exp(SESSION_SPREAD**2)
        length_ms = np.minimum(length_ms, LONGEST_SESSION_MS).astype(np.int64)
        gone_ms = (some.uniform(_RESIDUE) * length_ms).astype(np.int64)
        self._session_ms[now] = start_ms - gone_ms
        self._session_end_ms[now] = start_ms - gone_ms + length_ms
        # What they have heard before the start is passed over; a while is enough for long and short songs to
        # be under way as often as they are at any moment.
        before_ms = np.minimum(gone_ms, WARM_UP_MS)
        self._play(now, start_ms - before_ms, np.ones(len(now), dtype=np.bool_), some)
        while len(now := now[self._end_ms[now] <= start_ms]):
            self._go_on(now)

    def _wait_for(self, busy_until_ms: Ints) -> None:
        """Put off what is under way until an earlier simulation's last playback of the listener has ended."""
        count = min(len(busy_until_ms), len(self._end_ms))
        under_way = np.flatnonzero(self._end_ms[:count] != NEVER_MS)
        delay_ms = np.maximum(busy_until_ms[under_way] - self._begin_ms[under_way], 0)
        self._begin_ms[under_way] += delay_ms
        self._end_ms[under_way] += delay_ms

    def _join(self, until_ms: int) -> None:
        """Let those begin who have signed up by then."""
        count = int(np.searchsorted(self._joining_ms, until_ms, side="right"))
        if count:
            who, signed_up_ms = self._joining[:count], self._joining_ms[:count]
            self._joining, self._joining_ms = self._joining[count:], self._joining_ms[count:]
            self._come_back(who, signed_up_ms, Hashed(self._key[who]))

    def _go_on(self, who: Ints) -> None:
        """Draw what comes after the playbacks of these listeners, which have ended."""
        ended_ms = self._end_ms[who]
        self._last_end_ms[who] = ended_ms
        chance = Hashed(self._key[who], self._step[who])
        self._step[who] += np.uint64(1)
        over = ended_ms >= self._session_end_ms[who]
        leaving = np.flatnonzero(over)
        if len(leaving):
            after_ms = ended_ms[leaving] + SESSION_GAP_MS + SECOND_MS
            self._come_back(who[leaving], after_ms, chance.some(leaving))
        staying = np.flatnonzero(~over)
        if len(staying):
            self._stay(who[staying], ended_ms[staying], chance.some(staying))

    def _come_back(self, who: Ints, after_ms: Ints, chance: Hashed) -> None:
        """Begin the next session of listeners who are away, unless they leave the service before it."""
        user = self._user[who]
        place = self._world.listeners.locations_at(user, after_ms)
        offset_ms = self._population.local_time.offset_ms(place, after_ms)
        begin_ms = rhythm.next_session_ms(after_ms, offset_ms, self._per_ms[who], chance.uniform(_WAIT))
        stays = np.flatnonzero(begin_ms < self._world.listeners.cancel_ms[user])
        self._end_ms[who] = NEVER_MS
        # Nobody is in a session who never comes back.
        self._session_ms[who] = NEVER_MS
        if len(stays):
            who, begin_ms, chance = who[stays], begin_ms[stays], chance.some(stays)
            self._open_session(who, begin_ms, chance)
            self._play(who, begin_ms, np.ones(len(who), dtype=np.bool_), chance)

    def _open_session(self, who: Ints, begin_ms: Ints, chance: Hashed) -> None:
        population, user = self._population, self._user[who]
        spread = normal(chance.uniform(_LENGTH), chance.uniform(_LENGTH_2)) * SESSION_SPREAD
        length_ms = SESSION_MEDIAN_MS * np.exp(spread) * population.assignment.factor("session_length", user)
        self._session_ms[who] = begin_ms
        self._session_end_ms[who] = begin_ms + np.minimum(length_ms, LONGEST_SESSION_MS).astype(np.int64)
        self._device[who] = device_at(population.device_counts[user], chance.uniform(_DEVICE))
        pays = self._world.listeners.subscriptions_at(user, begin_ms) != FREE
        self._offline[who] = pays & (chance.uniform(_OFFLINE) < population.behaviour.offline_share)
        self._reason_start[who] = _SESSION_STARTS[_SESSION_START_CHOICE.at(chance.uniform(_OPENING))]

    def _stay(self, who: Ints, ended_ms: Ints, chance: Hashed) -> None:
        """Go on within the session: the next song at once, or after browsing one of another context."""
        behaviour, user = self._population.behaviour, self._user[who]
        switches, skipped = self._switches[who], self._skipped[who]
        browsing = normal(chance.uniform(_BROWSING), chance.uniform(_BROWSING_2)) * _BROWSING_SPREAD
        browsing_ms = np.minimum(_BROWSING_MEDIAN_MS * np.exp(browsing), _LONGEST_BROWSING_MS)
        # Whoever ends a song by choosing another one has browsed while it played.
        gap_ms = np.where(switches & ~skipped, browsing_ms, chance.uniform(_GAP) * _SONG_GAP_MS)
        reason = np.where(switches, _R["clickrow"], self._reason_end[who])
        count = self._population.device_counts[user]
        moves = (chance.uniform(_OTHER_DEVICE) < behaviour.device_switch_share) & (count > 1)
        if moves.any():
            step = 1 + (chance.uniform(_DEVICE) * (count - 1)).astype(np.int64)
            self._device[who] = np.where(moves, (self._device[who] + step) % count, self._device[who])
            reason = np.where(moves, _R["remote"], reason)
        self._reason_start[who] = reason
        self._play(who, ended_ms + gap_ms.astype(np.int64), switches, chance)

    def _play(self, who: Ints, begin_ms: Ints, new_context: Flags, chance: Hashed) -> None:
        """Draw a playback that begins then: the song, how long it is heard, and how that ends."""
        population, user = self._population, self._user[who]
        if new_context.any():
            rows = np.flatnonzero(new_context)
            self._choose_context(who[rows], chance.some(rows))
        song = self._next_song(who, user, begin_ms, new_context, chance)
        self._song[who] = song
        duration_ms = self._world.catalogue.song_duration_ms[song].astype(np.int64)
        model = self._world.listeners.device_model[
            self._world.listeners.first_device[user] + self._device[who]
        ]
        fit = (population.taste.fit(user, song) - population.typical_fit) / population.fit_spread
        odds = population.age_log_odds[user] + DEVICE_LOG_ODDS[model] + population.skip_balance
        skip_share = skipping.expit(odds - skipping.TASTE_WEIGHT * fit)
        skip_share = skip_share * population.assignment.factor("skip_rate", user)
        skipped = chance.uniform(_SKIP) < skip_share
        session_left_ms = self._session_end_ms[who] - begin_ms
        stopped = ~skipped & (session_left_ms < duration_ms) & (chance.uniform(_STOP) < _STOPS_IN_SONG_SHARE)
        stop_ms = np.clip(session_left_ms, 1_000, duration_ms - 1)
        ms_played = np.where(
            skipped, skipping.skip_moment_ms(chance.uniform(_SKIP_AT), duration_ms), duration_ms
        )
        ms_played = np.where(stopped, stop_ms, ms_played)
        switches = chance.uniform(_SWITCH) < population.behaviour.context_switch_share
        quantile = chance.uniform(_END)
        skip_end = np.where(switches, _R["clickrow"], _SKIP_ENDS[_SKIP_END_CHOICE.at(quantile)])
        stop_end = _STOP_ENDS[_STOP_END_CHOICE.at(quantile)]
        pause_ms = np.minimum(-np.log1p(-chance.uniform(_PAUSE_LENGTH)) * _MEAN_PAUSE_MS, _LONGEST_PAUSE_MS)
        paused = (chance.uniform(_PAUSE) < _PAUSED_SHARE) & ~skipped
        end_ms = begin_ms + ms_played + np.where(paused, pause_ms, 0.0).astype(np.int64)
        like_share = _LIKED_SHARE * np.exp(0.8 * np.clip(fit, -3, 3) - 0.32)
        like_share = like_share * population.assignment.factor("like_rate", user)
        self._begin_ms[who] = begin_ms
        self._end_ms[who] = end_ms
        # Who has stopped does not go on, even when the pause or the shortest playback ran past the session.
        self._session_end_ms[who] = np.where(
            stopped, np.minimum(self._session_end_ms[who], end_ms), self._session_end_ms[who]
        )
        self._ms_played[who] = ms_played
        self._skipped[who] = skipped
        self._switches[who] = switches
        unskipped_end = np.where(stopped, stop_end, _R["trackdone"])
        self._reason_end[who] = np.where(skipped, skip_end, unskipped_end)
        self._liked[who] = ~skipped & (chance.uniform(_LIKE) < like_share)
        self._added[who] = ~skipped & (chance.uniform(_ADD) < _ADDED_SHARE)
        self._chance[who] = chance.bits(_OWN)

    def _choose_context(self, who: Ints, chance: Hashed) -> None:
        self._context[who] = _CONTEXT_CHOICE.at(chance.uniform(_CONTEXT))
        self._shuffle[who] = chance.uniform(_SHUFFLE) < self._population.behaviour.shuffle_share
        self._position[who] = -1

    def _next_song(self, who: Ints, user: Ints, begin_ms: Ints, new_context: Flags, chance: Hashed) -> Ints:
        """Return the song that each context comes to next."""
        population, catalogue = self._population, self._world.catalogue
        taste = population.taste
        song = self._song[who].astype(np.int64)
        context, shuffle = self._context[who], self._shuffle[who]
        quantile = chance.uniform(_POSITION)
        back = ~new_context & (self._reason_end[who] == _R["backbtn"])

        album = catalogue.song_album[song]
        last = population.last_song_of_album[album]
        first = catalogue.album_first_song[album]
        finished = (context == ALBUM) & ~new_context & ~shuffle & (song == last) & ~back
        # When an album is over, songs like it follow.
        self._context[who[finished]] = RADIO
        self._list[who[finished]] = song[finished]
        context = np.where(finished, RADIO, context)
        on_album = (context == ALBUM) & ~new_context & ~back
        drawn = first + (quantile * (last - first + 1)).astype(np.int64)
        song = np.where(on_album, np.where(shuffle, drawn, song + 1), song)

        in_list = np.flatnonzero((context == PLAYLIST) & ~back)
        if len(in_list):
            listeners, new = who[in_list], new_context[in_list]
            fresh = in_list[new]
            if len(fresh):
                wishes = taste.user_factors[user[fresh]]
                self._list[who[fresh]] = taste.choose_playlist(wishes, chance.some(fresh))
            position = (self._position[listeners] + 1) % _PLAYLIST_SONGS
            drawn = (quantile[in_list] * _PLAYLIST_SONGS).astype(np.int64)
            position = np.where(shuffle[in_list], drawn, position)
            self._position[listeners] = position
            song[in_list] = taste.playlists[self._list[listeners], position]

        by_taste = np.flatnonzero(((context == RADIO) | ((context == ALBUM) & new_context)) & ~back)
        if len(by_taste):
            wishes = taste.user_factors[user[by_taste]]
            seeded = (context[by_taste] == RADIO) & ~new_context[by_taste]
            seeds = taste.song_factors[self._list[who[by_taste]]]
            wishes = np.where(seeded[:, None], (wishes + seeds) * np.float32(0.6), wishes)
            chosen = taste.choose(wishes, begin_ms[by_taste], chance.some(by_taste))
            opened = new_context[by_taste]
            self._list[who[by_taste[opened]]] = chosen[opened]
            from_start = opened & (context[by_taste] == ALBUM) & (quantile[by_taste] < 0.7)
            chosen = np.where(from_start, catalogue.album_first_song[catalogue.song_album[chosen]], chosen)
            song[by_taste] = chosen
        return song
