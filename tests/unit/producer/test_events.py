"""Events as bytes: valid, referring to what was published, and spoiled only as asked."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from music_contract import schemas, times, wire
from music_contract.rules import Reason
from music_producer.listening.experiments import Experiment, variant_number
from music_producer.records.events import ANNOUNCED_AFTER_MS, Batch
from music_producer.records.imperfections import (
    MALFORMATIONS,
    UNKNOWN_SCHEMA_ID,
    Fault,
    Rates,
    malformation,
    malformed,
)
from music_producer.world.dates import MINUTE_MS
from music_producer.world.world import dimension_records

from tests.unit.producer.simulated import (
    OLDER_SCHEMA_ID,
    SCHEMA_ID,
    START_MS,
    batches,
    event_stream,
    events,
    one_by_one,
    population,
)

EXPERIMENTS = (Experiment("home", "skip_rate", -0.1), Experiment("aa", None, 0.0))
EVERYTHING = Rates(0.05, (30 * MINUTE_MS, 60 * MINUTE_MS), 0.05, 0.05, 0.05, 0.02, 0.05)


@pytest.fixture(scope="module")
def plain() -> list[Batch]:
    return batches(population(experiments=EXPERIMENTS), 0.9, Rates())


@pytest.fixture(scope="module")
def spoiled() -> list[Batch]:
    return batches(population(), 2, EVERYTHING)


def faults(made: list[Batch]) -> list[int]:
    return [int(fault) for batch in made for fault in batch.released.faults]


def values(made: list[Batch]) -> list[bytes]:
    return [value for batch in made for value in batch.rendered.values]


def test_ten_thousand_events_keep_to_the_schema(plain: list[Batch]) -> None:
    made = events(plain)
    assert len(made) > 10_000
    for event in made:
        assert schemas.validate("stream-event", event) is None
        assert schemas.unknown_fields("stream-event", event) == []


def test_an_event_is_compact_json_in_the_order_of_the_contract(plain: list[Batch]) -> None:
    expected = [name for name in schemas.fields("stream-event") if name != "source"]
    for value in values(plain)[:500]:
        schema_id, payload = wire.unframe(value)
        assert schema_id == SCHEMA_ID
        assert list(orjson.loads(payload)) == expected
        assert orjson.dumps(orjson.loads(payload)) == payload


def test_an_event_is_keyed_by_its_user(plain: list[Batch]) -> None:
    keys = [key.decode() for batch in plain for key in batch.rendered.keys]
    assert keys == [event["user_id"] for event in events(plain)]


def test_an_event_says_what_the_simulation_knows(plain: list[Batch]) -> None:
    batch = plain[-1]
    heard = batch.released.playbacks
    for row, event in enumerate(events([batch])):
        assert times.to_epoch_ms(event["event_time"]) == heard.ended_ms[row]
        assert times.to_epoch_ms(event["started_at"]) == heard.started_ms[row]
        assert event["ms_played"] == heard.ms_played[row]
        assert event["song_id"] == f"song-{heard.song[row]:06d}"
        for name in ("skipped", "shuffle", "offline", "liked"):
            assert event[name] == getattr(heard, name)[row]
        assert event["added_to_playlist"] == heard.added[row]


def test_an_event_refers_to_what_was_published(plain: list[Batch]) -> None:
    world = population(experiments=EXPERIMENTS).world
    known = {
        record.key.decode(): orjson.loads(record.payload or b"")
        for record in one_by_one(dimension_records(world, START_MS))
    }
    for event in events(plain)[:3_000]:
        song, user, device = known[event["song_id"]], known[event["user_id"]], known[event["device_id"]]
        assert (event["artist_id"], event["album_id"]) == (song["artist_id"], song["album_id"])
        assert event["song_duration_ms"] == song["duration_ms"]
        assert event["location_id"] == user["location_id"]
        assert event["subscription"] == user["subscription"]
        assert device["user_id"] == event["user_id"]


def test_an_event_names_the_variants_that_a_hash_of_its_user_gives(plain: list[Batch]) -> None:
    for event in events(plain)[:1_000]:
        expected = {
            experiment.name: ("control", "treatment")[variant_number(experiment.name, event["user_id"])]
            for experiment in EXPERIMENTS
        }
        assert event["experiments"] == expected


def test_the_bytes_are_the_same_whatever_the_steps() -> None:
    few = batches(population(), 1, EVERYTHING, step_ms=1_200_000)
    many = batches(population(), 1, EVERYTHING, step_ms=45_000)
    assert values(few) == values(many)
    assert faults(few) == faults(many)


def test_the_faults_have_their_rates(spoiled: list[Batch]) -> None:
    seen = faults(spoiled)
    for fault, rate in ((Fault.DUPLICATE, 0.05), (Fault.OUT_OF_ORDER, 0.05), (Fault.MALFORMED, 0.05)):
        share = sum(bool(flags & fault) for flags in seen) / len(seen)
        print(f"{fault.name}: {share:.3f}")
        assert share == pytest.approx(rate, abs=0.012)
    assert all(any(flags & fault for flags in seen) for fault in Fault)


def test_each_record_is_judged_as_the_truth_says(spoiled: list[Batch]) -> None:
    now = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(hours=3)
    for batch in spoiled:
        for row, value in enumerate(batch.rendered.values):
            schema_id, payload = wire.unframe(value)
            flags = batch.released.faults[row]
            if not flags & Fault.MALFORMED:
                record = schemas.read("stream-event", payload, now=now)
                assert not isinstance(record, schemas.Rejection), record
                assert schema_id == (OLDER_SCHEMA_ID if flags & Fault.OLD_SCHEMA else SCHEMA_ID)
                continue
            reason = malformation(int(batch.released.playbacks.chance[row]))
            if reason is Reason.UNKNOWN_SCHEMA:
                assert schema_id == UNKNOWN_SCHEMA_ID
                continue
            rejection = schemas.read("stream-event", payload, now=now)
            assert isinstance(rejection, schemas.Rejection)
            assert rejection.reason == reason


def test_records_of_the_older_schema_keep_to_it(spoiled: list[Batch]) -> None:
    known = orjson.loads(schemas.earlier_texts("stream-event")[-1])["properties"].keys()
    rows = [v for v, flags in zip(values(spoiled), faults(spoiled), strict=True) if flags & Fault.OLD_SCHEMA]
    assert len(rows) > 100
    assert all(orjson.loads(wire.unframe(value)[1]).keys() <= known for value in rows)


@pytest.mark.parametrize("reason", [reason for reason, _ in MALFORMATIONS])
def test_every_way_to_be_rubbish_is_refused_for_its_reason(plain: list[Batch], reason: Reason) -> None:
    value = malformed(values(plain)[0], reason)
    schema_id, payload = wire.unframe(value)
    if reason is Reason.UNKNOWN_SCHEMA:
        assert schema_id == UNKNOWN_SCHEMA_ID
        return
    now = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(hours=3)
    rejection = schemas.read("stream-event", payload, now=now)
    assert isinstance(rejection, schemas.Rejection)
    assert rejection.reason == reason


def test_a_duplicate_is_the_same_event_again_and_comes_after_it(spoiled: list[Batch]) -> None:
    seen: set[bytes] = set()
    twice = 0
    for batch in spoiled:
        for row, value in enumerate(batch.rendered.values):
            flags = batch.released.faults[row]
            if flags & Fault.MALFORMED:
                continue
            event_id = value[18:54]
            assert (event_id in seen) == bool(flags & Fault.DUPLICATE)
            twice += event_id in seen
            seen.add(event_id)
    assert twice > 100


def test_records_come_in_the_order_of_their_release_and_late_ones_late(spoiled: list[Batch]) -> None:
    last = 0
    for batch in spoiled:
        released = batch.released
        assert released.released_ms[0] >= last
        assert (released.released_ms[1:] >= released.released_ms[:-1]).all()
        last = int(released.released_ms[-1])
        delay = released.released_ms - released.playbacks.ended_ms
        late = (released.faults & Fault.LATE) != 0
        assert (delay[late] >= 30 * MINUTE_MS).all()
        resent = (released.faults & Fault.DUPLICATE) != 0
        assert not (late & resent).any()
        assert (delay[~late & ~resent] <= 2 * MINUTE_MS).all()


def test_an_unpublished_device_is_announced_after_its_event() -> None:
    stream = event_stream(population(), Rates(unpublished=0.05))
    (batch,) = stream.advance(START_MS + 10 * MINUTE_MS)
    flagged = [
        event["device_id"]
        for event, flags in zip(events([batch]), batch.released.faults, strict=True)
        if flags & Fault.UNPUBLISHED_DIMENSION
    ]
    assert len(flagged) > 20
    assert not stream.announcements(START_MS).keys
    announced = stream.announcements(START_MS + 10 * MINUTE_MS + ANNOUNCED_AFTER_MS)
    assert Counter(key.decode() for key in announced.keys) == Counter(flagged)
    for record in one_by_one([announced]):
        device = orjson.loads(record.payload or b"")
        assert schemas.validate("device", device) is None
        assert device["device_id"] == record.key.decode()
    assert not stream.announcements().keys


def test_no_more_records_than_wanted_are_given() -> None:
    stream = event_stream(population(), Rates())
    (batch,) = stream.advance(START_MS + 10 * MINUTE_MS, most=17)
    assert len(batch.rendered.values) == len(batch.released) == 17
