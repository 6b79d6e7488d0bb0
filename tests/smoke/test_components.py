"""Every component answers, with the configuration that the contract states."""

import json
from contextlib import closing
from typing import Any

import httpx
import psycopg2
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from music_contract import schemas, topics

from tests.smoke.access import Connection, Measured, Outputs
from tests.waiting import wait_until

pytestmark = pytest.mark.smoke

REQUEST_LIMIT_S = 10


def test_kafka_answers_and_holds_every_topic_with_its_stated_configuration(
    admin: AdminClient, measured: Measured
) -> None:
    cluster = admin.list_topics(timeout=REQUEST_LIMIT_S)
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics.TOPICS]
    configs = {
        resource.name: {name: entry.value for name, entry in future.result(REQUEST_LIMIT_S).items()}
        for resource, future in admin.describe_configs(resources).items()
    }
    for name, topic in topics.TOPICS.items():
        assert len(cluster.topics[name].partitions) >= topic.partitions
        assert configs[name]["cleanup.policy"] == topic.cleanup_policy
        assert configs[name]["unclean.leader.election.enable"] == "false"
        if topic.retention_ms is not None:
            assert int(configs[name]["retention.ms"]) == topic.retention_ms
    partitions = sum(len(cluster.topics[name].partitions) for name in topics.TOPICS)
    measured(f"{len(cluster.brokers)} broker(s), {len(topics.TOPICS)} topics, {partitions} partitions")


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


def fetch(url: str) -> Any:
    return httpx.get(url, timeout=REQUEST_LIMIT_S, follow_redirects=True).raise_for_status().json()
