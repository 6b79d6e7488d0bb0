"""Which partitions get further copies when there are more brokers than when they were made."""

import json
import subprocess
import sys
from pathlib import Path

import replication

SCRIPT = Path(replication.__file__)
DESCRIPTION = """\
Topic: music.users\tTopicId: aF\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: cleanup.policy=compact
\tTopic: music.users\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: 
\tTopic: music.users\tPartition: 1\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: 
Topic: full\tTopicId: bG\tPartitionCount: 1\tReplicationFactor: 3\tConfigs: 
\tTopic: full\tPartition: 0\tLeader: 2\tReplicas: 2,1,3\tIsr: 2,1,3\tElr: \tLastKnownElr: 
"""


def test_every_partition_gets_three_copies_and_the_leaders_go_round() -> None:
    assert replication.plan(DESCRIPTION, 3) == [
        {"topic": "music.users", "partition": 0, "replicas": [1, 2, 3]},
        {"topic": "music.users", "partition": 1, "replicas": [2, 3, 1]},
    ]


def test_more_than_three_copies_are_never_made() -> None:
    assert all(len(partition["replicas"]) == 3 for partition in replication.plan(DESCRIPTION, 5))


def test_nothing_is_planned_for_one_broker() -> None:
    assert replication.plan(DESCRIPTION, 1) == []


def test_the_plan_is_what_kafkas_tool_reads_and_nothing_when_there_is_none() -> None:
    def run(count: int) -> str:
        command = [sys.executable, str(SCRIPT), str(count)]
        return subprocess.run(command, input=DESCRIPTION, capture_output=True, text=True, check=True).stdout

    plan = json.loads(run(3))
    assert plan["version"] == 1 and len(plan["partitions"]) == 2
    assert run(1) == ""
