"""Dimension records into the warehouse: the newest state wins, users keep their history, unknown ids get a
placeholder.

A record that is older than the stored state (by its updated_at) changes nothing, so that replays are
harmless.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from music_contract import schemas
from music_contract.topics import DIMENSIONS
from psycopg2.extensions import cursor as Cursor

from music_spark.warehouse.postgres import copy_in

Record = Mapping[str, Any]

_TABLES = {
    "user": "users",
    "artist": "artists",
    "album": "albums",
    "song": "songs",
    "device": "devices",
    "location": "locations",
}
_ARROW_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}

_TRACKED = ("subscription", "location_id")
"""Attributes of a user whose former values are kept (SCD type 2)."""


def prepare(cursor: Cursor) -> None:
    """Make the session's staging tables, one per dimension, with the contract's fields."""
    for name, table in _TABLES.items():
        columns = ", ".join(schemas.fields(name))
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS staged_{table} ON COMMIT DELETE ROWS "
            f"AS SELECT {columns} FROM warehouse.{table} WITH NO DATA"
        )


def store(cursor: Cursor, records: Mapping[str, Sequence[Record]]) -> list[str]:
    """Upsert the records (schema name -> records, oldest first); the songs completed by it."""
    completed: list[str] = []
    for name, entries in records.items():
        if name == "user":
            _store_users(cursor, entries)
        elif name == "song":
            completed = _store_songs(cursor, entries)
        else:
            _upsert(cursor, name, entries)
    return completed


def _store_songs(cursor: Cursor, entries: Sequence[Record]) -> list[str]:
    ids = [entry["song_id"] for entry in entries]
    cursor.execute("SELECT song_id FROM warehouse.songs WHERE is_inferred AND song_id = ANY(%s)", [ids])
    completed = [song_id for (song_id,) in cursor.fetchall()]
    _upsert(cursor, "song", entries)
    return completed


def _upsert(cursor: Cursor, name: str, entries: Sequence[Record]) -> None:
    key = _key(name)
    newest: dict[str, Record] = {}
    for entry in entries:
        # The contract's notation of times sorts as they do.
        if entry[key] not in newest or newest[entry[key]]["updated_at"] <= entry["updated_at"]:
            newest[entry[key]] = entry
    _stage(cursor, name, list(newest.values()))
    columns = list(schemas.fields(name))
    assignments = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    cursor.execute(
        f"""INSERT INTO warehouse.{_TABLES[name]} AS t ({", ".join(columns)}, is_inferred)
            SELECT {", ".join(columns)}, false FROM staged_{_TABLES[name]}
            ON CONFLICT ({key}) DO UPDATE
            SET {assignments}, is_inferred = false
            WHERE t.is_inferred OR t.updated_at <= excluded.updated_at"""
    )


def _store_users(cursor: Cursor, entries: Sequence[Record]) -> None:
    """Apply every version in turn: a round for each user's first record, one for their second, and so on."""
    rounds: list[dict[str, Record]] = []
    depth: dict[str, int] = {}
    for entry in entries:
        nth = depth[entry["user_id"]] = depth.get(entry["user_id"], -1) + 1
        if nth == len(rounds):
            rounds.append({})
        rounds[nth][entry["user_id"]] = entry
    for versions in rounds:
        _stage(cursor, "user", list(versions.values()))
        _apply_user_versions(cursor)
        cursor.execute("TRUNCATE staged_users")


def _apply_user_versions(cursor: Cursor) -> None:
    columns = list(schemas.fields("user"))
    assignments = ", ".join(f"{column} = s.{column}" for column in columns if column != "user_id")
    changed = " OR ".join(f"t.{column} IS DISTINCT FROM s.{column}" for column in _TRACKED)
    # Close the version that a newer one with other tracked values follows.
    cursor.execute(
        f"""UPDATE warehouse.users AS t SET is_current = false, valid_to = s.updated_at FROM staged_users AS s
            WHERE t.user_id = s.user_id AND t.is_current AND NOT t.is_inferred
              AND t.updated_at < s.updated_at AND ({changed})"""
    )
    # Complete a placeholder, refresh what is not tracked, or correct a version that began at the same moment.
    cursor.execute(
        f"""UPDATE warehouse.users AS t SET {assignments}, is_inferred = false FROM staged_users AS s
            WHERE t.user_id = s.user_id AND t.is_current AND (t.is_inferred OR t.updated_at <= s.updated_at)
              AND (t.is_inferred OR t.updated_at = s.updated_at OR NOT ({changed}))"""
    )
    # Open the next version, or the first one, which is valid since ever: facts may be older than the record.
    cursor.execute(
        f"""INSERT INTO warehouse.users ({", ".join(columns)}, valid_from)
            SELECT {", ".join(f"s.{column}" for column in columns)},
                coalesce(
                    (SELECT max(t.valid_to) FROM warehouse.users AS t WHERE t.user_id = s.user_id),
                    '-infinity'
                )
            FROM staged_users AS s
            WHERE NOT EXISTS (
                SELECT FROM warehouse.users AS t WHERE t.user_id = s.user_id AND t.is_current
            )"""
    )


class KnownMembers:
    """Ids that surely have a row: a committed transaction saw it or made it, and no row is ever removed.

    So a batch asks for ids that are new to it only. Bounded: a dimension with more ids than MOST is forgotten
    and learned again.
    """

    MOST = 1_000_000

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = defaultdict(set)
        self._asked: dict[str, list[str]] = {}

    def unknown(self, name: str, ids: Iterable[str]) -> list[str]:
        """The ids that are not known; the caller gives each a row in the present transaction."""
        known = self._known[name]
        self._asked[name] = [member for member in ids if member not in known]
        return self._asked[name]

    def begin(self) -> None:
        """Forget what was asked in a transaction that was not committed."""
        self._asked.clear()

    def confirm(self) -> None:
        """Note that the transaction was committed."""
        for name, ids in self._asked.items():
            if len(self._known[name]) + len(ids) > self.MOST:
                self._known[name].clear()
            self._known[name].update(ids)
        self._asked.clear()


def infer_members(cursor: Cursor, facts: pa.Table, members: KnownMembers) -> None:
    """Make a placeholder row for each id that the facts name and no dimension has."""
    for name, table in _TABLES.items():
        key = _key(name)
        ids = members.unknown(name, pc.unique(facts[key]).to_pylist())
        if not ids:
            continue
        conflict = "(user_id) WHERE is_current" if name == "user" else f"({key})"
        cursor.execute(
            f"""INSERT INTO warehouse.{table} ({key}, is_inferred)
                SELECT id, true FROM unnest(%s::text[]) AS id
                WHERE NOT EXISTS (SELECT FROM warehouse.{table} AS t WHERE t.{key} = id)
                ON CONFLICT {conflict} DO NOTHING""",
            [ids],
        )


def _stage(cursor: Cursor, name: str, entries: Sequence[Record]) -> None:
    schema = pa.schema((field, _ARROW_TYPES[rule["type"]]) for field, rule in schemas.fields(name).items())
    copy_in(cursor, f"staged_{_TABLES[name]}", pa.Table.from_pylist(list(entries), schema))


def _key(name: str) -> str:
    key = DIMENSIONS[name].key
    assert key is not None
    return key
