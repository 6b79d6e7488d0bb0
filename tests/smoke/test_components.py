"""Every component answers, with the configuration that the contract states."""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import httpx
import psycopg2
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from music_contract import schemas, topics
from music_platform.hosts.hosting import Program

from tests.smoke.access import ARRIVAL_LIMIT_S, Connection, Measured, Outputs, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.smoke

REQUEST_LIMIT_S = 10


def test_kafka_answers_and_holds_every_topic_with_its_stated_configuration(
    outputs: Outputs, admin: AdminClient, measured: Measured
) -> None:
    stated = outputs["kafka_topics"]
    cluster = admin.list_topics(timeout=REQUEST_LIMIT_S)
    assert len(cluster.brokers) == outputs["kafka_broker_count"]
    assert set(stated) == set(topics.TOPICS)
    configs = configurations(admin, stated)
    for name, topic in stated.items():
        assert len(cluster.topics[name].partitions) == topic["partitions"], name
        assert configs[name]["cleanup.policy"] == topic["cleanup_policy"], name
        if topic["retention_ms"] is not None:
            assert int(configs[name]["retention.ms"]) == topic["retention_ms"], name
        assert topic["config"].items() <= configs[name].items(), name
    partitions = sum(len(cluster.topics[name].partitions) for name in stated)
    measured(f"{len(cluster.brokers)} broker(s), {len(stated)} topics, {partitions} partitions")


def test_what_kafka_acknowledged_survives_a_broker_where_there_are_three(
    outputs: Outputs, admin: AdminClient, measured: Measured
) -> None:
    # With fewer than three, asking for a second copy would stop all writes as soon as one broker is away.
    has_copies = outputs["kafka_broker_count"] >= 3
    replicas, in_sync = (3, 2) if has_copies else (outputs["kafka_broker_count"], 1)
    cluster = admin.list_topics(timeout=REQUEST_LIMIT_S)
    configs = configurations(admin, topics.TOPICS)
    for name in topics.TOPICS:
        for number, partition in cluster.topics[name].partitions.items():
            assert len(partition.replicas) == replicas, f"{name}/{number}"
            assert len(partition.isrs) >= in_sync, f"{name}/{number}"
        assert int(configs[name]["min.insync.replicas"]) == in_sync, name
        # A replica that lags and leads would drop what was acknowledged.
        assert configs[name]["unclean.leader.election.enable"] == "false", name
    measured(f"{replicas} replica(s) of each partition, {in_sync} must have a record")


def configurations(admin: AdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the settings of topics, whether a topic or the broker has them."""
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    return {
        resource.name: {name: entry.value for name, entry in future.result(REQUEST_LIMIT_S).items()}
        for resource, future in admin.describe_configs(resources).items()
    }


def test_the_registry_holds_every_schema_closed_and_backward_transitive(
    registry: SchemaRegistryClient, measured: Measured
) -> None:
    held = {}
    for topic, schema in schemas.SUBJECTS.items():
        subject = topics.TOPICS[topic].subject
        registered = registry.get_latest_version(subject)
        assert registered.schema.schema_str is not None
        assert json.loads(registered.schema.schema_str) == schemas.load(schema)
        assert registry.get_config(subject).compatibility_level == "BACKWARD_TRANSITIVE"
        held[subject] = registered.schema_id
    measured(", ".join(f"{subject} = id {schema_id}" for subject, schema_id in held.items()))


def test_the_registry_refuses_a_schema_that_asks_for_a_new_field(registry: SchemaRegistryClient) -> None:
    subject = topics.TOPICS[topics.STREAM_EVENTS].subject
    document = schemas.load("stream-event")
    assert registry.test_compatibility(subject, Schema(json.dumps(document), "JSON"))
    document["properties"]["mood"] = {"type": "string"}
    document["required"].append("mood")
    assert not registry.test_compatibility(subject, Schema(json.dumps(document), "JSON"))


def test_spark_runs_the_stream_job_on_executors_of_the_cluster(outputs: Outputs, measured: Measured) -> None:
    def alive() -> Any:
        seen = fetch(f"{outputs['spark_ui_url']}/json/")
        return seen if seen["status"] == "ALIVE" and seen["activeapps"] else None

    # A master that was killed looks for its former workers first.
    master = wait_until(alive, 60, "a master that leads its cluster")
    assert master["url"] == outputs["spark_master_url"]
    workers = [worker for worker in master["workers"] if worker["state"] == "ALIVE"]
    assert workers
    assert [application["state"] for application in master["activeapps"]] == ["RUNNING"]
    job = master["activeapps"][0]
    assert job["cores"] >= 1, "no executor works for the job"
    measured(f"{job['name']} on {len(workers)} worker(s) of {master['url']}: {job['cores']} core(s)")


def test_postgresql_answers_and_its_read_only_role_sees_only_what_dashboards_need(
    outputs: Outputs, database: Connection, measured: Measured
) -> None:
    with database.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()
    connection = psycopg2.connect(outputs["postgres_readonly_dsn"], connect_timeout=REQUEST_LIMIT_S)
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM analytics.hourly")
        # Its transactions are read-only unless it says otherwise; its privileges must not rest on that.
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        for forbidden in ("SELECT email FROM warehouse.users LIMIT 1", "DELETE FROM ops.dead_letters"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(forbidden)
    measured(f"PostgreSQL {version[0] if version else 'of unknown version'}")


def test_superset_answers(outputs: Outputs, measured: Measured) -> None:
    # Terraform leaves out what is null.
    url = outputs.get("superset_url")
    if url is None:
        pytest.skip("Superset is not part of this platform (SUPERSET=0)")
    answer = httpx.get(f"{url}/health", timeout=REQUEST_LIMIT_S)
    assert answer.status_code == httpx.codes.OK
    measured(f"{url} says {answer.text}")


def test_the_producer_runs_and_its_events_arrive(
    outputs: Outputs, servers: Sequence[Program], database: Connection, measured: Measured
) -> None:
    rate = outputs["producer_rate"]
    if not rate:
        pytest.skip("the producer is not part of this platform (RATE=0)")
    producers = [server for server in servers if server.name.startswith("producer")]
    assert producers
    assert [server for server in producers if not server.runs] == []
    (began,) = rows(database, "SELECT now() AS moment")
    query = """
        SELECT event_time, ingested_at FROM warehouse.stream_events
        WHERE source = 'simulator' AND event_time > %s LIMIT 1
    """
    arrived = wait_until(
        lambda: rows(database, query, began["moment"]),
        # At a low rate none may come for a while.
        ARRIVAL_LIMIT_S + 100 / rate,
        "an event of the producer in warehouse.stream_events that has ended since",
    )
    measured(f"it runs since {producers[0].since}, an event of {arrived[0]['event_time']} has arrived")


def fetch(url: str) -> Any:
    return httpx.get(url, timeout=REQUEST_LIMIT_S, follow_redirects=True).raise_for_status().json()
