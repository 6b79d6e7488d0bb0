"""What somebody changes behind the stream's back is an error that one sees within a minute."""

import psycopg2
import pytest

from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, send
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

SEEN_WITHIN_S = 60


def execute(platform: SecondPlatform, statement: str) -> None:
    connection = psycopg2.connect(platform.postgres_dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("change", "repair", "scope"),
    [
        (
            "UPDATE metrics.hourly SET plays = plays + 1",
            "UPDATE metrics.hourly SET plays = plays - 1",
            "hourly",
        ),
        (
            "UPDATE warehouse.stream_events SET ms_played = ms_played + 7 WHERE user_id = 'user-audit'",
            "UPDATE warehouse.stream_events SET ms_played = ms_played - 7 WHERE user_id = 'user-audit'",
            "user_engagement",
        ),
    ],
)
def test_a_row_that_is_changed_by_hand_is_seen_within_a_minute_and_status_says_so(
    platform: SecondPlatform, before: Before, change: str, repair: str, scope: str
) -> None:
    send(platform, [encoded(event(user_id="user-audit")) for _ in range(20)])
    books.check(platform, before)
    execute(platform, change)
    try:
        seen = wait_until(
            lambda: [row for row in books.imbalances(platform) if row[0] == scope],
            SEEN_WITHIN_S,
            "the audit sees it",
        )
        print(seen[0])
        status = platform.run("status")
        assert status.returncode != 0
        assert "imbalances" in status.stdout and scope in status.stdout
        assert books.events_of(platform, "imbalance")
    finally:
        execute(platform, repair)
        wait_until(
            lambda: not books.imbalances(platform), SEEN_WITHIN_S, "the audit sees that it is put right"
        )
    assert platform.run("status").returncode == 0
