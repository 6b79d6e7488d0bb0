"""The ground truth of a run, as Parquet beside it: what went in, to compare with what came out.

    truth.json           the settings, the totals, and whether the truth is complete
    totals/*.parquet     plays, streams, ... per minute (UTC, of event_time) and key; sums over all files
    faults/*.parquet     records per minute (of event_time), fault and, for malformed ones, reason
    users.parquet        activity and latent factors of each user
    songs.parquet        latent factors and rank of each song, its artist, album and genre
    trends.parquet       the songs that trend, and from when

A total counts an event once, however often it was sent; a malformed record counts among the faults only. The
files are parts, each written whole and then renamed, so memory does not grow with the run and a kill leaves
none that is half written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from music_contract import rules
from numpy.typing import NDArray

from music_producer.listening.playbacks import Ints, joined
from music_producer.listening.population import Population
from music_producer.records.imperfections import Fault, Released, malformation
from music_producer.world import columns, identifiers
from music_producer.world.catalogue import GENRES
from music_producer.world.dates import MINUTE_MS

KEYS = ("all", "user", "song", "device", "location")
MEASURES = ("plays", "streams", "completed", "skipped", "liked", "added_to_playlist", "ms_played")

_TRIPLES = (MEASURES[:3], MEASURES[3:6])
_ROWS_A_PART = 250_000
_MINUTE = pa.timestamp("ms", tz="UTC")
_DEVICES_A_USER = 1 << 16
_FORMAT = {"compression": "zstd", "compression_level": 1, "write_statistics": False}
_OF_FEW_VALUES = ("minute", "kind", *MEASURES[:-1])
"""Columns of the totals for which a dictionary costs less than it saves."""


class Truth:
    """Gathers the truth of one run and writes it into a directory."""

    def __init__(self, directory: Path, population: Population, settings: dict[str, Any]) -> None:
        """Begin; OSError when the directory cannot be written, FileExistsError when it holds a truth
        already.
        """
        self._directory = directory
        self._population = population
        self._settings = settings
        self._waiting: list[Released] = []
        # Beside the simulation: Arrow sums and compresses without holding the interpreter.
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._waiting_rows = 0
        self._parts = 0
        self.records = 0
        self.faults: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        if (directory / "truth.json").exists():
            raise FileExistsError(f"{directory} holds the truth of another run: name another directory")
        for name in ("totals", "faults"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self._write_summary(complete=False, acknowledged=None)
        self._write_world()

    def add(self, released: Released) -> None:
        """Take in records that were given to Kafka's client; OSError when a part cannot be written."""
        self._waiting.append(released)
        self._waiting_rows += len(released)
        self.records += len(released)
        if self._waiting_rows >= _ROWS_A_PART:
            self._write_part()

    def _write_part(self) -> None:
        """Begin to write what was taken in since the last part, once that one is written."""
        self._await_writing()
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        if waiting:
            self._writing = self._writer.submit(self._write, waiting)

    def _await_writing(self) -> None:
        """Wait for the part that is being written; OSError when it could not be."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, waiting: list[Released]) -> None:
        everything = Released(
            joined([released.playbacks for released in waiting]),
            np.concatenate([released.released_ms for released in waiting]),
            np.concatenate([released.faults for released in waiting]),
        )
        name = f"part-{self._parts:05d}.parquet"
        self._parts += 1
        facts = everything.take(everything.faults & (Fault.DUPLICATE | Fault.MALFORMED) == 0)
        _write(self._directory / "totals" / name, self._totals(facts), use_dictionary=_OF_FEW_VALUES)
        _write(self._directory / "faults" / name, self._faults(everything))
        self._write_summary(complete=False, acknowledged=None)

    def finish(self, acknowledged: int) -> bool:
        """Write the rest; True when Kafka has acknowledged all that the truth holds.

        OSError when it cannot be written.
        """
        self._write_part()
        self._await_writing()
        complete = acknowledged == self.records
        self._write_summary(complete=complete, acknowledged=acknowledged)
        return complete

    def _totals(self, facts: Released) -> pa.Table:
        playbacks, catalogue = facts.playbacks, self._population.world.catalogue
        duration = catalogue.song_duration_ms[playbacks.song]
        played = playbacks.ms_played
        completed = played >= rules.COMPLETED_SHARE * duration
        stream = np.where(duration < rules.STREAM_MIN_MS, completed, played >= rules.STREAM_MIN_MS)
        flags = (stream, completed, playbacks.skipped, playbacks.liked, playbacks.added)
        measures = {"plays": np.ones(len(facts), dtype=np.int64)}
        measures |= dict(zip(MEASURES[1:-1], (flag.astype(np.int64) for flag in flags), strict=True))
        measures["ms_played"] = played
        keys = {
            "all": np.zeros(len(facts), dtype=np.int64),
            "user": playbacks.user,
            "song": playbacks.song,
            "device": playbacks.user * _DEVICES_A_USER + playbacks.device,
            "location": playbacks.place.astype(np.int64),
        }
        minute = playbacks.ended_ms // MINUTE_MS
        return pa.concat_tables(
            _summed(kind, minute, keys[kind], measures, self._names(kind)) for kind in KEYS
        )

    def _names(self, kind: str) -> Callable[[Ints], columns.Texts]:
        """Return what writes the ids of such numbers."""
        places = [place.location_id for place in self._population.world.places]
        return {
            "all": lambda numbers: columns.chosen([""], numbers),
            "user": identifiers.user_ids,
            "song": identifiers.song_ids,
            "device": lambda numbers: identifiers.device_ids(*np.divmod(numbers, _DEVICES_A_USER)),
            "location": lambda numbers: columns.chosen(places, numbers),
        }[kind]

    def _faults(self, everything: Released) -> pa.Table:
        minute = everything.playbacks.ended_ms // MINUTE_MS * MINUTE_MS
        found: Counter[tuple[int, str, str]] = Counter()
        for fault in Fault:
            rows = np.flatnonzero(everything.faults & fault)
            name = str(fault.name).lower()
            if fault is Fault.MALFORMED:
                chances = everything.playbacks.chance[rows].tolist()
                reasons = [str(malformation(chance)) for chance in chances]
            else:
                reasons = [""] * len(rows)
            found.update(zip(minute[rows].tolist(), [name] * len(rows), reasons, strict=True))
        for (_, name, reason), count in found.items():
            self.faults[name] += count
            if reason:
                self.reasons[reason] += count
        ordered = sorted(found.items())
        return pa.table(
            {
                "minute": pa.array([key[0] for key, _ in ordered], _MINUTE),
                "fault": pa.array([key[1] for key, _ in ordered], pa.string()),
                "reason": pa.array([key[2] for key, _ in ordered], pa.string()),
                "records": pa.array([count for _, count in ordered], pa.int64()),
            }
        )

    def _write_summary(self, *, complete: bool, acknowledged: int | None) -> None:
        events = self.records - self.faults["duplicate"]
        summary = {
            "complete": complete,
            "acknowledged_events": acknowledged,
            "records": self.records,
            "facts": events - self.faults["malformed"],
            "faults": {str(fault.name).lower(): self.faults[str(fault.name).lower()] for fault in Fault},
            "malformed_by_reason": dict(self.reasons),
            "settings": self._settings,
        }
        draft = self._directory / "truth.json.new"
        draft.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        draft.replace(self._directory / "truth.json")

    def _write_world(self) -> None:
        population, world = self._population, self._population.world
        taste, catalogue = population.taste, world.catalogue
        users = pa.table(
            {
                "user_id": columns.strings(identifiers.user_ids(np.arange(world.listeners.users))),
                "activity": population.activity,
                "factors": _vectors(taste.user_factors),
                "experiment_code": population.assignment.code,
            }
        )
        rank = np.full(catalogue.songs, -1)
        rank[taste.song_of_rank] = np.arange(len(taste.song_of_rank))
        artist = catalogue.song_artist
        songs = pa.table(
            {
                "song_id": columns.strings(identifiers.song_ids(np.arange(catalogue.songs))),
                "artist_id": columns.strings(identifiers.artist_ids(artist)),
                "album_id": columns.strings(identifiers.album_ids(catalogue.song_album)),
                "genre": pa.array(GENRES).take(pa.array(catalogue.artist_genre[artist])),
                "popularity_rank": pa.array(rank + 1, mask=rank < 0),
                "factors": _vectors(taste.song_factors),
            }
        )
        trends = pa.table(
            {
                "song_id": columns.strings(identifiers.song_ids(taste.trends.song)),
                "begins_at": pa.array(taste.trends.begin_ms, _MINUTE),
            }
        )
        for name, table in {"users": users, "songs": songs, "trends": trends}.items():
            _write(self._directory / f"{name}.parquet", table)


_FIELD_BITS = 20
"""Enough for the count of a part's events: three counts share a number while they are summed."""
_KEY_BITS = 40
"""Enough for the number of a device, which is the largest key: minute and key share a number too."""


def _summed(
    kind: str, minute: Ints, key: Ints, measures: dict[str, Ints], names: Callable[[Ints], columns.Texts]
) -> pa.Table:
    """Sum the measures per minute (a number of minutes since 1970) and key."""
    first = minute.min() if len(minute) else 0
    packed = {
        triple[0]: measures[triple[0]]
        | measures[triple[1]] << _FIELD_BITS
        | measures[triple[2]] << 2 * _FIELD_BITS
        for triple in _TRIPLES
    }
    table = pa.table({"of": minute - first << _KEY_BITS | key, **packed, "ms_played": measures["ms_played"]})
    summed = [(name, "sum") for name in (*packed, "ms_played")]
    sums = table.group_by("of", use_threads=False).aggregate(summed)
    totals = {"ms_played": sums["ms_played_sum"]}
    for triple in _TRIPLES:
        together = sums[f"{triple[0]}_sum"].to_numpy()
        for place, measure in enumerate(triple):
            totals[measure] = together >> place * _FIELD_BITS & (1 << _FIELD_BITS) - 1
    of = sums["of"].to_numpy()
    return pa.table(
        {
            "minute": pa.array((first + (of >> _KEY_BITS)) * MINUTE_MS, _MINUTE),
            "kind": pa.repeat(kind, len(sums)),
            "key": columns.strings(names(of & (1 << _KEY_BITS) - 1)),
            **{measure: totals[measure] for measure in MEASURES},
        }
    )


def _vectors(factors: NDArray[np.float32]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(factors.ravel()), factors.shape[1])


def _write(path: Path, table: pa.Table, *, use_dictionary: bool | Sequence[str] = True) -> None:
    draft = path.with_name(f"{path.name}.new")
    pq.write_table(table, draft, use_dictionary=use_dictionary, **_FORMAT)
    draft.replace(path)
