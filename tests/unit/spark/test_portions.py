"""A batch of large records is committed in portions that fit into memory, and none of its records is lost."""

import random

import pytest
from music_spark.batches import portions
from music_spark.warehouse.ledger import spans

from tests.records import Record, framed, parsed, playback


def batch(seed: int) -> list[Record]:
    """Records of every size in partitions of different lengths, in Kafka's order within each."""
    chance = random.Random(seed)
    records = []
    for partition in range(chance.randint(1, 5)):
        offset = chance.randint(0, 1000)
        for n in range(chance.randint(0, 120)):
            offset += chance.choice([1, 1, 1, 7])
            size = chance.choice([0, 40, 900, 3_000, 70_000])
            value = framed(playback(n)) if chance.random() < 0.3 else b"x" * size
            records.append(
                Record(value, partition=partition, offset=offset, key=b"k" * chance.choice([0, 9]))
            )
    return records or [Record(b"x")]


@pytest.mark.parametrize("seed", range(20))
def test_the_portions_hold_every_record_once_each_partition_in_order_and_none_too_much(seed: int) -> None:
    records = batch(seed)
    limit = 150_000
    found = list(portions.split(parsed(records), limit))
    places = [(row["partition"], row["offset"]) for portion in found for row in portion.to_pylist()]
    assert sorted(places) == sorted((record.partition, record.offset) for record in records)
    reached: dict[int, int] = {}
    for portion in found:
        for (_, partition), span in spans(portion).items():
            assert span.first > reached.get(partition, -1), "a portion follows the one before it"
            reached[partition] = span.last
        looked_at = [row for row in portion.to_pylist() if row["event"] is None]
        size = sum((row["withheld_bytes"] or 0) + len(row["value"] or b"") for row in looked_at)
        # The last record may reach over the limit.
        assert size <= limit + 70_000
    if len(found) > 1:
        assert max(len(portion) for portion in found) < len(records)


def test_a_batch_of_usual_events_is_one_portion_as_it_is() -> None:
    table = parsed([Record(framed(playback(n)), offset=n) for n in range(500)])
    (portion,) = portions.split(table, 100)
    assert portion is table


def test_what_was_withheld_is_put_in_and_what_is_gone_stays_withheld() -> None:
    large = [Record(b"a" * 5_000, offset=0, key=b"k"), Record(b"b" * 5_000, offset=1), Record(b"c", offset=2)]
    table = parsed(large)
    places = portions.withheld(table)
    assert places == [(large[0].topic, 0, 0), (large[0].topic, 0, 1)]
    filled = portions.with_contents(table, {places[0]: (b"k", large[0].value)})
    assert filled["value"].to_pylist() == [large[0].value, None, b"c"]
    assert filled["key"].to_pylist() == [b"k", None, None]
    assert portions.withheld(filled) == [places[1]]
