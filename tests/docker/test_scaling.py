"""A larger number of workers or brokers is applied while events flow."""

import pytest

from tests.docker.growing import Growth
from tests.docker.health import RECOVERY_LIMIT_S, alive_workers, all_in_sync
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker


@pytest.mark.usefixtures("balanced")
def test_a_worker_joins_and_the_stream_does_not_stop(platform: SecondPlatform, second_worker: Growth) -> None:
    assert "spark_worker_2" not in second_worker.before
    assert all(second_worker.untouched(service) for service in second_worker.before)
    assert second_worker.query_starts == 0
    wait_until(lambda: alive_workers(platform) == 2, RECOVERY_LIMIT_S, "two workers are alive")


@pytest.mark.usefixtures("balanced")
def test_brokers_join_and_every_partition_gets_its_copies(
    platform: SecondPlatform, three_brokers: Growth
) -> None:
    assert "kafka_2" not in three_brokers.before
    # The first broker starts anew with the settings of three; who talks to it stays.
    assert all(three_brokers.untouched(service) for service in three_brokers.before if service != "kafka_1")
    wait_until(lambda: all_in_sync(platform, 3), RECOVERY_LIMIT_S, "three copies of every partition")


@pytest.mark.usefixtures("second_worker", "three_brokers")
def test_a_plan_after_both_has_no_changes(platform: SecondPlatform) -> None:
    assert not platform.instance.terraform().has_changes()
