"""A Kafka broker of the caller's own, with the contract's topics, and nothing else beside it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from music_contract import topics
from music_contract.publish.topics import apply

from tests import provisioned


def settings() -> dict[str, str]:
    """What the provisioning script must be told of a broker: free ports, and that there is no other."""
    port, controller_port = provisioned.free_ports(2)
    return {
        "MUSIC_KAFKA_HOST": "127.0.0.1",
        "MUSIC_KAFKA_PORT": port,
        "MUSIC_KAFKA_CONTROLLER_PORT": controller_port,
        "MUSIC_KAFKA_NODE_ID": "1",
        "MUSIC_KAFKA_BROKER_COUNT": "1",
    }


@contextmanager
def start() -> Iterator[str]:
    """Start a broker and stop it in the end; its bootstrap servers."""
    with provisioned.home_of("kafka") as (home, environment):
        environment |= settings()
        with provisioned.running("kafka.sh", home, environment, signal.SIGTERM):
            bootstrap_servers = f"127.0.0.1:{environment['MUSIC_KAFKA_PORT']}"
            apply(topics.TOPICS, bootstrap_servers, 1, provisioned.START_LIMIT_S)
            yield bootstrap_servers
