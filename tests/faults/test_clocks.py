"""Late events, idle partitions and clocks that are ahead: none of them stalls or hurries the watermark."""

from datetime import UTC, datetime, timedelta

import pytest

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, moment, send
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

DELAY = timedelta(minutes=10)
SENT = 200


def watermark(platform: SecondPlatform) -> datetime:
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT watermark FROM ops.watermarks")
        (time,) = cursor.fetchone()
        assert isinstance(time, datetime)
        return time


def total(platform: SecondPlatform, column: str) -> int:
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(f"SELECT coalesce(sum({column}), 0)::bigint FROM ops.partitions")
        return int(cursor.fetchone()[0])


def test_events_beyond_the_watermark_are_facts_are_counted_and_correct_their_closed_windows(
    platform: SecondPlatform, before: Before
) -> None:
    send(platform, (encoded(event()) for _ in range(SENT)))
    books.wait_for_all(platform)
    late = total(platform, "late_events")
    hours_ago = moment(-timedelta(hours=6))
    send(platform, (encoded(event(hours_ago)) for _ in range(SENT)))
    since = books.check(platform, before)
    assert since.facts == 2 * SENT
    assert total(platform, "late_events") == late + SENT
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            """SELECT bool_and(is_final), sum(plays) >= %s FROM metrics.hourly
               WHERE window_start = date_trunc('hour', %s::timestamptz)""",
            [SENT, hours_ago],
        )
        assert cursor.fetchone() == (True, True)


def test_an_idle_partition_does_not_hold_the_watermark_back(platform: SecondPlatform, before: Before) -> None:
    sent_at = datetime.now(UTC)
    send(platform, (encoded(event()) for _ in range(SENT)), partition=5)
    books.check(platform, before)
    assert watermark(platform) >= sent_at - DELAY - timedelta(seconds=1)


def test_a_clock_that_is_ahead_moves_the_watermark_to_the_brokers_time_at_most_and_is_counted(
    platform: SecondPlatform, before: Before
) -> None:
    early, future = total(platform, "early_events"), before.books.dead_letters
    four_ahead, ten_ahead = (
        [encoded(event(moment(timedelta(minutes=minutes)))) for _ in range(SENT)] for minutes in (4, 10)
    )
    good = [encoded(event()) for _ in range(SENT)]
    send(platform, [value for values in zip(four_ahead, ten_ahead, good, strict=True) for value in values])
    since = books.check(platform, before)
    now = datetime.now(UTC)
    reached = watermark(platform)
    print(f"watermark {reached}, {now - reached} behind the clock; {since}")
    assert reached <= now - DELAY
    assert (since.facts, since.dead_letters) == (2 * SENT, SENT)
    # Those four minutes ahead count as facts of their own time, and as ahead.
    assert total(platform, "early_events") >= early + SENT
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT reason, count(*) FROM ops.dead_letters GROUP BY 1")
        assert dict(cursor.fetchall())["future_time"] >= future - before.books.dead_letters + SENT
    assert f"from clocks ahead {total(platform, 'early_events'):,}" in platform.run("status").stdout
    # Events of the others go on closing windows as the broker's clock does.
    send(platform, [encoded(event())])
    books.wait_for_all(platform)
    wait_until(lambda: watermark(platform) > reached, 60, "the watermark goes on")
