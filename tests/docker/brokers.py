"""What the brokers say of themselves: to Kafka's own tools, inside of the first one, and to consumers."""

import re
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition
from music_contract.topics import STREAM_EVENTS

from tests.docker import engine
from tests.second_platform import SecondPlatform

_ADMINISTRATOR = """\
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/etc/music-platform/tls/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=/etc/music-platform/tls/ca.pem
"""
_COMMAND = """
properties=$1 tool=$2
shift 2
java -Xmx128m -XX:TieredStopAtLevel=1 -cp "$MUSIC_OPT_DIR/*" "org.apache.kafka.tools.$tool" \\
  --bootstrap-server "$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_BROKER_PORT" --command-config <(echo "$properties") "$@"
"""


@dataclass(frozen=True)
class Copies:
    """Of a topic: the fewest copies that a partition has, and has in sync, and how many a write waits for."""

    replicas: int
    in_sync: int
    min_in_sync: int


def _ask(platform: SecondPlatform, tool: str, *arguments: str) -> str:
    broker = engine.container(platform.name, "kafka_1")
    shell = ["bash", "-euo", "pipefail", "-c", _COMMAND, "-", _ADMINISTRATOR]
    return engine.docker("exec", broker, *shell, tool, *arguments)


def active_controller(platform: SecondPlatform) -> str:
    """The broker that leads the quorum of the controllers now."""
    status = _ask(platform, "MetadataQuorumCommand", "describe", "--status")
    found = re.search(r"^LeaderId:\s+(\d+)$", status, re.MULTILINE)
    assert found, status
    return f"kafka_{found[1]}"


def voters(platform: SecondPlatform) -> int:
    """How many controllers have a voice."""
    status = _ask(platform, "MetadataQuorumCommand", "describe", "--replication")
    return sum(line.split()[-1] in ("Leader", "Follower") for line in status.splitlines())


def copies(platform: SecondPlatform) -> dict[str, Copies]:
    """Every topic, Kafka's own ones too."""
    said = _ask(platform, "TopicCommand", "--describe")
    found = {}
    for heading in re.finditer(r"^Topic: (\S+)\s.*Configs: (.*)$", said, re.MULTILINE):
        topic = heading[1]
        partitions = re.findall(
            rf"^\s+Topic: {re.escape(topic)}\s.*Replicas: ([\d,]+)\s+Isr: ([\d,]*)", said, re.MULTILINE
        )
        # What is Kafka's own default is not said: one.
        least = re.search(r"min\.insync\.replicas=(\d+)", heading[2])
        found[topic] = Copies(
            min(len(replicas.split(",")) for replicas, _ in partitions),
            min(len(in_sync.split(",")) for _, in_sync in partitions),
            int(least[1]) if least else 1,
        )
    return found


def _group(platform: SecondPlatform) -> Consumer:
    return Consumer({**platform.kafka_client, "group.id": "music-test", "enable.auto.commit": False})


def commit(platform: SecondPlatform, position: int) -> None:
    """Let a group of consumers note a position: the first one makes the topic that Kafka keeps them in."""
    with closing(_group(platform)) as group:
        group.commit(offsets=[TopicPartition(STREAM_EVENTS, 0, position)], asynchronous=False)


def committed(platform: SecondPlatform) -> int:
    """The position that the group has noted."""
    with closing(_group(platform)) as group:
        (found,) = group.committed([TopicPartition(STREAM_EVENTS, 0)], timeout=60)
        return int(found.offset)
