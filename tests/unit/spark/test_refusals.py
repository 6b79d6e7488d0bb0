"""The records that a database refuses are found among those that it takes, with few attempts."""

import psycopg2
import pyarrow as pa
import pytest
from music_spark.batches import refusals

from tests.records import Record, parsed


def table(count: int) -> pa.Table:
    return parsed([Record(b"x", offset=n) for n in range(count)])


@pytest.mark.parametrize("bad", [set(), {0}, {99}, {17, 18, 60}, set(range(100))])
def test_exactly_the_refused_records_are_found(bad: set[int]) -> None:
    stored = 0

    def attempt(rows: pa.Table) -> None:
        nonlocal stored
        stored += len(rows)
        found = bad & set(rows["offset"].to_pylist())
        if found:
            raise psycopg2.IntegrityError(f"row {min(found)} violates a rule\nDETAIL: more")

    found = refusals.find(table(100), attempt)
    assert {offset for _, _, offset in found} == bad
    assert all(found[place] == f"PostgreSQL refuses it: row {place[2]} violates a rule" for place in found)
    if len(bad) == 1:
        assert stored <= 2 * 100 + 10


def test_a_refusal_of_the_whole_that_no_record_shares_finds_nobody() -> None:
    def attempt(rows: pa.Table) -> None:
        if len(rows) > 1:
            raise psycopg2.DataError("only together")

    assert refusals.find(table(8), attempt) == {}


def test_another_fault_than_a_refusal_is_passed_on() -> None:
    def attempt(_rows: pa.Table) -> None:
        raise psycopg2.OperationalError("away")

    with pytest.raises(psycopg2.OperationalError):
        refusals.find(table(2), attempt)


def test_a_sentence_is_one_line_that_a_text_column_takes() -> None:
    said = refusals.sentence(psycopg2.DataError("bad \0 byte\nCONTEXT: here"))
    assert said == "PostgreSQL refuses it: bad  byte"
    assert len(refusals.sentence(psycopg2.DataError("x" * 5_000))) == 1000
    assert "DataError" in refusals.sentence(psycopg2.DataError(""))
