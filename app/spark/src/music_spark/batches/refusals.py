"""Records that keep to the contract and that PostgreSQL refuses all the same: found one by one, so that the
rest of their batch is stored.

It takes a constraint that an operator added, or a fault in the validation. Without this one such record would
hold the stream for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import psycopg2
import psycopg2.errors
import pyarrow as pa
import pyarrow.compute as pc

from music_spark.reading.rereading import Place

log = logging.getLogger(__name__)

Refusal = (psycopg2.DataError, psycopg2.IntegrityError, psycopg2.errors.ProgramLimitExceeded)
"""What psycopg2 raises for values that the server does not take."""

Refused = Mapping[Place, str]
"""The sentence of PostgreSQL for each record."""


def find(batch: pa.Table, attempt: Callable[[pa.Table], None]) -> dict[Place, str]:
    """The records that are refused by themselves, by halving; about twice the work of the batch for one.

    Args:
        batch: the records, which together are refused.
        attempt: stores records and takes them back; raises a Refusal.
    """
    found: dict[Place, str] = {}
    waiting = _halves(batch) if len(batch) > 1 else [batch]
    while waiting:
        rows = waiting.pop()
        try:
            attempt(rows)
        except Refusal as fault:
            if len(rows) == 1:
                place = places(rows)[0]
                found[place] = sentence(fault)
                log.error("PostgreSQL refuses the record %s/%d/%d: %s", *place, found[place])
            else:
                waiting += _halves(rows)
    return found


def _halves(rows: pa.Table) -> list[pa.Table]:
    """The second one and the first, which is taken from the end."""
    half = len(rows) // 2
    return [rows.slice(half), rows.slice(0, half)]


def sentence(fault: BaseException) -> str:
    """PostgreSQL's message in a line, without characters that a text column refuses in turn."""
    lines = str(fault).replace("\0", "").splitlines()
    return f"PostgreSQL refuses it: {lines[0] if lines else type(fault).__name__}"[:1000]


def places(rows: pa.Table) -> list[Place]:
    """Where the rows stand in Kafka."""
    columns = (rows[name].to_pylist() for name in ("topic", "partition", "offset"))
    return list(zip(*columns, strict=True))


def divide(batch: pa.Table, refused: Refused) -> tuple[pa.Table, pa.Table]:
    """The records to store, and those that are refused."""
    if not refused:
        return batch, batch.slice(0, 0)
    mask = pa.array([place in refused for place in places(batch)], pa.bool_())
    return batch.filter(pc.invert(mask)), batch.filter(mask)
