"""How the smoke tests reach the platform: sending records as a careful producer would, and reading rows."""

import json
from collections.abc import Callable
from typing import Any

import psycopg2.extensions
from confluent_kafka import Message, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from music_contract import topics, wire

DELIVERY_LIMIT_S = 30
# A batch takes seconds; a loaded machine and a stream that catches up take more.
ARRIVAL_LIMIT_S = 120

Connection = psycopg2.extensions.connection
Measured = Callable[[str], None]


class Outputs(dict[str, Any]):
    """The outputs of Terraform, which hold passwords: a failing test must not print them."""

    def __repr__(self) -> str:
        return f"Outputs({', '.join(self)})"


def rows(database: Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    """Return the rows of a query by the names of their columns."""
    with database.cursor() as cursor:
        cursor.execute(query, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class Sender:
    """Sends records as a careful producer would, and waits for the broker's word on each."""

    def __init__(self, producer: Producer, registry: SchemaRegistryClient) -> None:
        self._producer = producer
        self._registry = registry

    def send(self, topic: str, key: str, value: bytes | None) -> Message:
        """Send raw bytes; return the acknowledged message with its partition and offset."""
        delivered: list[Message] = []
        failed: list[Any] = []

        def on_delivery(error: Any, message: Message) -> None:
            failed.append(error) if error else delivered.append(message)

        self._producer.produce(topic, key=key, value=value, on_delivery=on_delivery)
        left = self._producer.flush(DELIVERY_LIMIT_S)
        assert not left and not failed, f"{topic} took no record within {DELIVERY_LIMIT_S} s: {failed}"
        return delivered[0]

    def send_record(self, topic: str, record: dict[str, Any]) -> Message:
        """Send a record of the contract, framed with the id of its registered schema."""
        declared = topics.TOPICS[topic]
        assert declared.key is not None
        schema_id = self._registry.get_latest_version(declared.subject).schema_id
        value = wire.frame(schema_id, json.dumps(record, ensure_ascii=False).encode())
        return self.send(topic, record[declared.key], value)
