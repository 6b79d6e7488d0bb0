"""A server dies at each step of a batch's commit: the batch counts once all the same."""

import pytest

from tests import audit
from tests.faults import books, gates
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, send
from tests.faults.gates import GATES
from tests.faults.killing import kill
from tests.faults.scale import LONG
from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.faults

SENT = 20


def ledger(platform: SecondPlatform) -> tuple[int, str]:
    """The last batch that was committed, and the run that did it."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT id, run_id::text FROM ops.batches ORDER BY id DESC LIMIT 1")
        number, run = cursor.fetchone()
        return int(number), str(run)


@pytest.mark.parametrize("victim", ["driver", "database"] if LONG else ["driver"])
def test_a_kill_at_any_step_of_a_commit_loses_no_record_and_doubles_none(
    platform: SecondPlatform, before: Before, victim: str
) -> None:
    steps = GATES if LONG else [GATES[n] for n in (0, 2, -2, -1)]
    resent = encoded(event())
    send(platform, [resent], partition=0)
    books.wait_for_all(platform)
    for gate in steps:
        last, run = ledger(platform)
        stored = audit.books(platform.postgres_dsn)
        # To one partition, so that they come as one batch: facts to be, a dead letter and a duplicate.
        values = [*(encoded(event()) for _ in range(SENT)), b"rubbish", resent]
        with gates.closed(platform, gate) as guard:
            send(platform, values, partition=0)
            guard.await_writer()
            assert audit.books(platform.postgres_dsn) == stored, "nothing of a batch is seen before all is"
            pid = kill(platform, victim)
            guard.open()
        books.wait_for_all(platform)
        number, committed_by = ledger(platform)
        by = "the run that was killed" if committed_by == run else "the next run"
        print(f"{victim} (pid {pid}) killed {gate.step}: {number - last} batches, the last one by {by}")
        if victim == "driver":
            assert (committed_by == run) == (gate.timing == "COMMIT")
    since = books.check(platform, before)
    assert since.facts == len(steps) * SENT + 1
    assert since.duplicates == since.dead_letters == len(steps)
