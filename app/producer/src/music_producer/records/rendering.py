"""Playbacks to the bytes of their Kafka records: the wire prefix and JSON, keyed by the user.

Most of a record is the same from event to event: what a song or a combination of flags contributes is written
once and looked up, numbers and moments are written as columns, and a record is a row of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from music_contract import wire
from numpy.typing import NDArray

from music_producer.listening.experiments import Assignment
from music_producer.listening.playbacks import Ints, Playbacks
from music_producer.listening.simulation import REASONS
from music_producer.world import columns
from music_producer.world.identifiers import uuid7_texts
from music_producer.world.listeners import SUBSCRIPTIONS
from music_producer.world.world import World

_SECOND_BITS = np.uint64(0x9E3779B97F4A7C15)
_BEFORE_ID, _BEFORE_END = b'{"event_id":"', b'","event_time":"'
_BEFORE_BEGIN, _BEFORE_USER = b'","started_at":"', b'","user_id":"user-'
_FLAGS = ("skipped", "shuffle", "offline", "liked", "added_to_playlist")


class Rendered(NamedTuple):
    """The values (wire prefix and JSON) and keys of records, in their order."""

    values: list[bytes]
    keys: list[bytes]


class Renderer:
    """Renders the events of one world under one schema id."""

    def __init__(self, world: World, assignment: Assignment, schema_id: int) -> None:
        catalogue = world.catalogue
        self.prefix = wire.frame(schema_id, b"")
        self._durations = catalogue.song_duration_ms
        self._experiment_code = assignment.code
        self._songs = columns.joined(
            b'","song_id":"song-', columns.padded(np.arange(catalogue.songs)),
            b'","artist_id":"artist-', columns.padded(catalogue.song_artist),
            b'","album_id":"album-', columns.padded(catalogue.song_album),
            b'","device_id":"device-',
        )  # fmt: skip
        self._places = columns.table(
            f'","location_id":"{place.location_id}","ms_played":' for place in world.places
        )
        self._reasons = columns.table(
            f',"reason_start":"{start}","reason_end":"{end}"' for end in REASONS for start in REASONS
        )
        self._flags = columns.table(
            "".join(f',"{name}":{str(bool(code >> bit & 1)).lower()}' for bit, name in enumerate(_FLAGS))
            for code in range(1 << len(_FLAGS))
        )
        self._users = columns.table(
            f',"subscription":"{subscription}","experiments":{experiments.decode()},"produced_at":"'
            for experiments in assignment.texts()
            for subscription in SUBSCRIPTIONS
        )
        prefix_bytes = len(self.prefix + _BEFORE_ID)
        self._head = np.dtype(
            [
                ("prefix", f"S{prefix_bytes}"), ("id", "S36"),
                ("before_end", f"S{len(_BEFORE_END)}"), ("end", "S24"),
                ("before_begin", f"S{len(_BEFORE_BEGIN)}"), ("begin", "S24"),
                ("before_user", f"S{len(_BEFORE_USER)}"),
            ]
        )  # fmt: skip

    def render(self, playbacks: Playbacks, released_ms: Ints) -> Rendered:
        """Render playbacks whose records are handed to Kafka's client at `released_ms`."""
        user = columns.padded(playbacks.user)
        values = columns.joined(
            self._heads(playbacks),
            user,
            b'","session_id":"session-',
            columns.padded(playbacks.listener),
            b"-",
            columns.digits(playbacks.session_ms),
            columns.chosen(self._songs, playbacks.song),
            user,
            b"-",
            columns.digits(playbacks.device + 1),
            columns.chosen(self._places, playbacks.place),
            columns.digits(playbacks.ms_played),
            b',"song_duration_ms":',
            columns.digits(self._durations[playbacks.song]),
            columns.chosen(
                self._reasons, playbacks.reason_end.astype(np.int16) * len(REASONS) + playbacks.reason_start
            ),
            columns.chosen(self._flags, _flag_codes(playbacks)),
            columns.chosen(
                self._users,
                self._experiment_code[playbacks.user] * len(SUBSCRIPTIONS) + playbacks.subscription,
            ),
            columns.moments(released_ms),
            b'"}',
        )
        return Rendered(values.to_pylist(), columns.joined(b"user-", user).to_pylist())

    def _heads(self, playbacks: Playbacks) -> columns.Texts:
        """Return what begins an event: all of one length, which is written faster as rows of one type."""
        heads = np.empty(len(playbacks), dtype=self._head)
        heads["prefix"] = self.prefix + _BEFORE_ID
        heads["before_end"], heads["before_begin"] = _BEFORE_END, _BEFORE_BEGIN
        heads["before_user"] = _BEFORE_USER
        heads["id"] = event_ids(playbacks)
        heads["end"] = columns.moment_rows(playbacks.ended_ms)
        heads["begin"] = columns.moment_rows(playbacks.started_ms)
        return columns.of_one_length(heads)


def _flag_codes(playbacks: Playbacks) -> NDArray[np.int8]:
    """Return one number for all flags of an event: bit n is that of _FLAGS."""
    flags = (playbacks.skipped, playbacks.shuffle, playbacks.offline, playbacks.liked, playbacks.added)
    code = np.zeros(len(playbacks), dtype=np.int8)
    for bit, flag in enumerate(flags):
        code |= flag.astype(np.int8) << np.int8(bit)
    return code


def event_ids(playbacks: Playbacks) -> NDArray[np.bytes_]:
    """Return the ids of events: the same playback has the same id in every run."""
    chance = playbacks.chance
    return uuid7_texts(playbacks.ended_ms, np.column_stack((chance, chance * _SECOND_BITS)))
