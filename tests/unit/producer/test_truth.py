"""The ground truth: the sums of what was sent, and honest about whether it is whole."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from music_contract import rules
from music_producer.records import truth
from music_producer.records.events import Batch
from music_producer.records.imperfections import Fault, Rates
from music_producer.records.truth import MEASURES, Truth
from music_producer.world.dates import MINUTE_MS

from tests.unit.producer.simulated import batches, population

RATES = Rates(0.02, (MINUTE_MS, 2 * MINUTE_MS), 0.03, 0.02, 0.02, 0.01, 0.02)


@pytest.fixture(scope="module")
def made() -> list[Batch]:
    return batches(population(), 0.5, RATES, step_ms=120_000)


@pytest.fixture
def written(made: list[Batch], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(truth, "_ROWS_A_PART", 2_000)
    gathered = Truth(tmp_path / "truth", population(), {"seed": 3})
    for batch in made:
        gathered.add(batch.released)
    assert gathered.finish(acknowledged=sum(len(batch.released) for batch in made))
    return tmp_path / "truth"


def summary(directory: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((directory / "truth.json").read_text())
    return found


@pytest.mark.parametrize(("kind", "key"), [("user", "user_id"), ("song", "song_id"), ("device", "device_id")])
def test_the_totals_are_the_sums_over_the_events_that_are_no_resends(
    made: list[Batch], written: Path, kind: str, key: str
) -> None:
    expected: Counter[tuple[str, str, str]] = Counter()
    good = ~(Fault.DUPLICATE | Fault.MALFORMED)
    flags = [int(fault) for batch in made for fault in batch.released.faults]
    rendered = [value for batch in made for value in batch.rendered.values]
    for value, fault in zip(rendered, flags, strict=True):
        if fault & ~good:
            continue
        event = json.loads(value[5:])
        heard, duration = event["ms_played"], event["song_duration_ms"]
        measured = {
            "plays": 1,
            "streams": rules.is_stream(heard, duration),
            "completed": rules.is_completed(heard, duration),
            "skipped": event["skipped"],
            "liked": event["liked"],
            "added_to_playlist": event["added_to_playlist"],
            "ms_played": heard,
        }
        for measure, number in measured.items():
            expected[event["event_time"][:16], event[key], measure] += number
    assert len(list((written / "totals").iterdir())) > 1
    table = pq.read_table(written / "totals")
    found: Counter[tuple[str, str, str]] = Counter()
    for row in table.filter(pc.equal(table["kind"], kind)).to_pylist():
        for measure in MEASURES:
            found[row["minute"].isoformat()[:16], row["key"], measure] += row[measure]
    assert +found == +expected


def test_the_faults_are_counted_each(made: list[Batch], written: Path) -> None:
    table = pq.read_table(written / "faults").group_by("fault").aggregate([("records", "sum")])
    found = dict(zip(table["fault"].to_pylist(), table["records_sum"].to_pylist(), strict=True))
    flags = [int(fault) for batch in made for fault in batch.released.faults]
    expected = {str(fault.name).lower(): sum(bool(flag & fault) for flag in flags) for fault in Fault}
    assert found == expected == summary(written)["faults"]


def test_the_truth_knows_factors_and_trends(written: Path) -> None:
    users, songs = pq.read_table(written / "users.parquet"), pq.read_table(written / "songs.parquet")
    assert len(users) == population().world.listeners.users
    assert len(songs["factors"][0].as_py()) == 8
    trends = pq.read_table(written / "trends.parquet")
    assert trends["song_id"][0].as_py() in songs["song_id"].to_pylist()


def test_a_truth_beyond_what_was_acknowledged_says_that_it_is_not_complete(
    made: list[Batch], tmp_path: Path
) -> None:
    gathered = Truth(tmp_path, population(), {})
    assert summary(tmp_path)["complete"] is False
    gathered.add(made[0].released)
    assert not gathered.finish(acknowledged=len(made[0].released) - 1)
    assert summary(tmp_path)["complete"] is False


def test_the_truth_of_another_run_is_not_overwritten(written: Path) -> None:
    with pytest.raises(FileExistsError, match="holds the truth of another run"):
        Truth(written, population(), {})
