"""What the stream knows of itself is on the page that Spark has for Prometheus."""

import re
from datetime import timedelta

import httpx
import pytest
from music_contract.topics import STREAM_EVENTS, TOPICS

from tests import audit
from tests.faults import feeding
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

GAUGE = re.compile(r"^metrics_music_driver_AccumulatorSource_(\w+)_Value\{.*\} (\S+)$", re.MULTILINE)


def gauges(platform: SecondPlatform) -> dict[str, float]:
    page = httpx.get(f"{platform.spark_job_ui_url}/metrics/prometheus/", follow_redirects=True)
    return {name: float(value) for name, value in GAUGE.findall(page.raise_for_status().text)}


def test_dead_letters_late_events_watermark_and_the_lag_of_each_partition_are_gauges(
    platform: SecondPlatform,
) -> None:
    def told() -> dict[str, float]:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute("""
                SELECT facts, duplicates, dead_letters, late_events, early_events, unknown_fields, missing,
                       imbalances, floor(extract(EPOCH FROM watermark)) AS watermark_seconds, 0 AS lag_records
                FROM ops.stream_health WHERE late_events > 0 AND dead_letters > 0""")
            names = [column.name for column in cursor.description]
            return dict(zip(names, map(float, cursor.fetchone() or ()), strict=False))

    feeding.send(platform, [feeding.encoded(feeding.event())])
    wait_until(lambda: audit.books(platform.postgres_dsn).facts, 60, "an event is stored")
    late = feeding.event(feeding.moment(timedelta(hours=-1)))
    feeding.send(platform, [feeding.encoded(late), b"rubbish"])
    wait_until(told, 60, "a late event and a dead letter are stored")

    def shown() -> dict[str, float]:
        page = gauges(platform)
        return page if told().items() <= page.items() else {}

    page = wait_until(shown, 60, "the gauges are what ops.stream_health says")

    lags = {f"lag_records_music_stream_events_{n}" for n in range(TOPICS[STREAM_EVENTS].partitions)}
    assert lags <= set(page)
    print(page)
