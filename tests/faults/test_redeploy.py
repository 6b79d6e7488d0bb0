"""A metric's declaration or the code is changed on a running platform: the stream rebuilds what it has to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.killing import kill, stopped_job
from tests.faults.playing import PlaybackProducer
from tests.faults.scale import RECOVERY_LIMIT_S, SEED
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.faults


@pytest.fixture
def producer(platform: SecondPlatform, before: Before) -> Iterator[PlaybackProducer]:
    """Events that flow, the first of which are facts already: without facts there is nothing to rebuild."""
    flowing = PlaybackProducer(platform, 100, SEED)
    try:
        wait_until(
            lambda: audit.books(platform.postgres_dsn).facts > before.books.facts,
            RECOVERY_LIMIT_S,
            "the first events arrive",
        )
        yield flowing
    finally:
        flowing.stop()


def rebuilt(platform: SecondPlatform, at_least: int) -> bool:
    return len(books.events_of(platform, "rebuild_finished")) >= at_least


def test_a_changed_window_length_is_rebuilt_by_itself_while_events_flow_and_a_driver_is_killed(
    platform: SecondPlatform, before: Before, producer: PlaybackProducer
) -> None:
    started = len(books.events_of(platform, "rebuild_started"))
    finished = len(books.events_of(platform, "rebuild_finished"))
    for number, length in enumerate(("10 minutes", "5 minutes"), start=1):
        deployed = platform.run("up", f"WINDOW_CONTENT={length}")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        wait_until(
            lambda number=number: len(books.events_of(platform, "rebuild_started")) >= started + number,
            RECOVERY_LIMIT_S,
            "the rebuild begins",
        )
        kill(platform, "driver")
        wait_until(
            lambda number=number: rebuilt(platform, finished + number), RECOVERY_LIMIT_S, "it is rebuilt"
        )
        print(books.events_of(platform, "rebuild_finished")[-1], length)
        windows = {"content_performance": length}
        assert audit.metrics_that_differ(platform.postgres_dsn, windows=windows) == []
    producer.stop()
    assert len(books.events_of(platform, "rebuild_started")) == started + 2
    books.check(platform, before)


@pytest.fixture
def declarations(platform: SecondPlatform) -> Iterator[Path]:
    """The declarations of the metrics, in the stream job as it is installed for this platform."""
    (installed,) = (platform.home / "opt").glob("spark_job-*/lib/music_spark/aggregation/families.py")
    original = installed.read_text()
    yield installed
    installed.write_text(original)


def test_changed_code_goes_on_from_its_positions_and_rebuilds_the_metric_that_means_something_else(
    platform: SecondPlatform, before: Before, producer: PlaybackProducer, declarations: Path
) -> None:
    original = declarations.read_text()
    as_it_is = "return {family.table: family for family in families}"
    revised = 'return {f.table: replace(f, revision=2) if f.table == "device" else f for f in families}'
    changed = original.replace("import dataclass", "import dataclass, replace").replace(as_it_is, revised)
    assert revised in changed
    for code in (changed, original):
        finished = len(books.events_of(platform, "rebuild_finished"))
        with stopped_job(platform):
            declarations.write_text(code)
        wait_until(
            lambda at_least=finished + 1: rebuilt(platform, at_least), RECOVERY_LIMIT_S, "it is rebuilt"
        )
        said = books.events_of(platform, "rebuild_finished")[finished:]
        print(said, books.events_of(platform, "started")[-1])
        assert said == ["metrics.device is rebuilt from the facts"]
    producer.stop()
    books.check(platform, before)
