"""Plans further copies of partitions: replication.py BROKER_COUNT, with what `kafka-topics --describe` says.

Prints the plan that `kafka-reassign-partitions` takes, for every partition that has fewer copies than it
should: one a broker, three at most. Nothing is printed when there is none. A partition keeps its copies;
which broker leads it goes round, so that the new ones share the work.

Only the standard library is used: this runs on targets before anything is installed.
"""

import json
import re
import sys
from collections.abc import Iterable
from typing import Any

MOST_REPLICAS = 3
_PARTITION = re.compile(r"^\s*Topic: (\S+)\s+Partition: (\d+)\s.*?Replicas: ([\d,]+)", re.MULTILINE)


def plan(description: str, broker_count: int) -> list[dict[str, Any]]:
    """Return the partitions to be copied, each with its new list of brokers; brokers are numbered from 1."""
    wanted = min(MOST_REPLICAS, broker_count)
    brokers = range(1, broker_count + 1)
    return [
        {
            "topic": topic,
            "partition": int(partition),
            "replicas": _spread(holders, brokers, wanted, int(partition)),
        }
        for topic, partition, text in _PARTITION.findall(description)
        if len(holders := [int(number) for number in text.split(",")]) < wanted
    ]


def _spread(holders: list[int], brokers: Iterable[int], wanted: int, partition: int) -> list[int]:
    chosen = (holders + [broker for broker in brokers if broker not in holders])[:wanted]
    first = partition % len(chosen)
    return chosen[first:] + chosen[:first]


def main() -> None:
    """Read the description, print the plan."""
    partitions = plan(sys.stdin.read(), int(sys.argv[1]))
    if partitions:
        json.dump({"version": 1, "partitions": partitions}, sys.stdout)


if __name__ == "__main__":
    main()
