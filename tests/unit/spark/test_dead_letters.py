"""A dead letter's record in its topic: as it came, as long as any record can be so long."""

from datetime import UTC, datetime

import pytest
from music_contract.rules import Reason
from music_spark.records.triage import DeadLetter, Origin
from music_spark.warehouse.dead_letters import KEPT_BYTES, MAX_RECORD_BYTES, message

ORIGIN = Origin("music.stream-events", 3, 42, datetime(2026, 11, 23, 18, 5, tzinfo=UTC))


def letter(key: bytes | None, value: bytes | None) -> DeadLetter:
    return DeadLetter(ORIGIN, Reason.TOO_LARGE, "too large", key, value, len(value or b""))


@pytest.mark.parametrize("value", [None, b"", b"x", b"x" * 1_048_400])
def test_a_record_that_the_broker_took_uncompressed_goes_on_as_it_came(value: bytes | None) -> None:
    key, kept, headers = message(letter(b"user-1", value))
    assert (key, kept) == (b"user-1", value)
    assert "cut_from" not in headers
    assert headers["source_offset"] == "42"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"k", b"x" * 10_000_000),
        (b"k" * 5_000_000, b"x"),
        (None, b"x" * MAX_RECORD_BYTES),
        (b"k" * 3_000_000, None),
    ],
)
def test_of_a_larger_one_the_beginning_is_kept_and_said_how_long_it_was(
    key: bytes | None, value: bytes | None
) -> None:
    kept_key, kept, headers = message(letter(key, value))
    assert kept_key == (key and key[:KEPT_BYTES])
    assert kept == (value and value[:KEPT_BYTES])
    assert headers["cut_from"] == str(len(key or b"") + len(value or b""))
