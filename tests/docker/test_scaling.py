"""A larger number of workers or brokers is applied while events flow."""

import pytest
from music_contract.topics import TOPICS

from tests.docker import brokers
from tests.docker.brokers import Copies
from tests.docker.conftest import COMMITTED
from tests.docker.growing import Growth
from tests.docker.health import RECOVERY_LIMIT_S, alive_workers, all_in_sync
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

PAUSE_LIMIT_S = 30


@pytest.mark.usefixtures("balanced")
def test_a_worker_joins_and_the_stream_does_not_stop(platform: SecondPlatform, second_worker: Growth) -> None:
    assert "spark_worker_2" not in second_worker.before
    assert all(second_worker.untouched(service) for service in second_worker.before)
    assert second_worker.query_starts == 0
    assert second_worker.longest_pause_s < PAUSE_LIMIT_S
    wait_until(lambda: alive_workers(platform) == 2, RECOVERY_LIMIT_S, "two workers are alive")


@pytest.mark.usefixtures("balanced")
def test_brokers_join_and_the_stream_does_not_stop(platform: SecondPlatform, three_brokers: Growth) -> None:
    assert "kafka_2" not in three_brokers.before
    assert all(three_brokers.untouched(service) for service in three_brokers.before)
    assert three_brokers.query_starts == 0
    assert three_brokers.longest_pause_s < PAUSE_LIMIT_S
    wait_until(lambda: brokers.voters(platform) == 3, RECOVERY_LIMIT_S, "three controllers have a voice")


@pytest.mark.usefixtures("three_brokers")
def test_every_topic_gets_its_copies_kafkas_own_ones_too(platform: SecondPlatform) -> None:
    wait_until(lambda: all_in_sync(platform, 3), RECOVERY_LIMIT_S, "three copies of every partition")
    copies = brokers.copies(platform)
    assert {"__consumer_offsets", "__transaction_state", "__share_group_state", *TOPICS} <= set(copies)
    assert set(copies.values()) == {Copies(replicas=3, in_sync=3, min_in_sync=2)}, copies
    assert brokers.committed(platform) == COMMITTED


@pytest.mark.usefixtures("second_worker", "three_brokers")
def test_a_plan_after_both_has_no_changes(platform: SecondPlatform) -> None:
    assert not platform.instance.terraform().has_changes()
