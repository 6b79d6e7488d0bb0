"""Tries to get in: without credentials, with wrong ones, and with right ones for something else."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from music_contract.topics import DEAD_LETTERS, STREAM_EVENTS

from tests.docker import engine
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

ANSWER_LIMIT_S = 30


# -----------------------------------------------------------------------------
# Kafka
# -----------------------------------------------------------------------------


def user(platform: SecondPlatform, service: str) -> dict[str, str]:
    """The settings of a client that has the name and the password of one of the platform's own services."""
    environment = engine.containers(platform.name)[service]["Config"]["Env"]
    values = dict(line.split("=", 1) for line in environment)
    return {
        **platform.kafka_client,
        "sasl.username": values["MUSIC_KAFKA_USERNAME"],
        "sasl.password": values["MUSIC_KAFKA_PASSWORD"],
    }


def refused_connection(settings: dict[str, str]) -> str:
    """Connect until the client says why it cannot; return what it says."""
    said: list[str] = []
    client = AdminClient({**settings, "error_cb": lambda error: said.append(str(error)), "log_level": 0})

    def is_refused() -> bool:
        with pytest.raises(KafkaException):
            client.list_topics(timeout=1)
        client.poll(0)
        return bool(said)

    wait_until(is_refused, ANSWER_LIMIT_S, "the client says why it cannot connect")
    return " ".join(said)


def test_kafka_takes_no_client_without_encryption(platform: SecondPlatform) -> None:
    refused_connection({"bootstrap.servers": platform.kafka_bootstrap_servers})


def test_kafka_takes_no_client_without_a_user(platform: SecondPlatform) -> None:
    known = platform.kafka_client
    refused_connection(
        {
            "bootstrap.servers": known["bootstrap.servers"],
            "security.protocol": "SSL",
            "ssl.ca.location": known["ssl.ca.location"],
        }
    )


def test_kafka_takes_no_wrong_password(platform: SecondPlatform) -> None:
    said = refused_connection({**platform.kafka_client, "sasl.password": "wrong"})
    assert "authentication" in said.lower()


def test_kafkas_certificate_comes_from_the_platforms_own_authority(platform: SecondPlatform) -> None:
    without = {name: value for name, value in platform.kafka_client.items() if name != "ssl.ca.location"}
    assert "certificate verify failed" in refused_connection(without)


def written(settings: dict[str, str], topic: str) -> KafkaError | None:
    """Write a record; return the broker's refusal, or None when it took it."""
    answers: list[KafkaError | None] = []
    producer = Producer({**settings, "message.timeout.ms": ANSWER_LIMIT_S * 1000})
    producer.produce(topic, value=b"{}", on_delivery=lambda error, _: answers.append(error))
    producer.flush(ANSWER_LIMIT_S + 5)
    assert answers, "the broker gave no answer"
    return answers[0]


def read_error(settings: dict[str, str], topic: str) -> KafkaError | None:
    """Read a topic from its beginning; return the broker's refusal, or None when a record or nothing came."""
    consumer = Consumer({**settings, "group.id": "intruder", "enable.auto.commit": False})
    with closing(consumer):
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(ANSWER_LIMIT_S)
        return message.error() if message is not None else None


def is_denied(error: KafkaError | None) -> bool:
    return error is not None and error.code() in (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    )


def test_the_producer_may_not_read(platform: SecondPlatform) -> None:
    assert is_denied(read_error(user(platform, "producer"), STREAM_EVENTS))


def test_the_producer_may_not_write_dead_letters(platform: SecondPlatform) -> None:
    assert is_denied(written(user(platform, "producer"), DEAD_LETTERS))


def test_the_stream_may_not_write_events(platform: SecondPlatform) -> None:
    assert is_denied(written(user(platform, "spark_job"), STREAM_EVENTS))


def test_nobody_of_the_platform_may_make_a_topic(platform: SecondPlatform) -> None:
    for service in ("producer", "spark_job"):
        client = AdminClient(user(platform, service))
        (answer,) = client.create_topics([NewTopic("intruder", 1)]).values()
        with pytest.raises(KafkaException) as refusal:
            answer.result(ANSWER_LIMIT_S)
        assert is_denied(refusal.value.args[0]), service


# -----------------------------------------------------------------------------
# PostgreSQL
# -----------------------------------------------------------------------------


def connect(dsn: str, **changed: Any) -> psycopg2.extensions.connection:
    return psycopg2.connect(dsn, connect_timeout=ANSWER_LIMIT_S, **changed)


def test_postgresql_takes_no_connection_without_encryption(platform: SecondPlatform) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"no pg_hba\.conf entry .* no encryption"):
        connect(platform.postgres_dsn, sslmode="disable")


def test_postgresql_takes_no_wrong_password(platform: SecondPlatform) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(platform.postgres_dsn, password="wrong")


def test_postgresql_lets_nobody_in_as_its_superuser(platform: SecondPlatform) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(platform.postgres_dsn, user="postgres", password="postgres")


def test_the_connection_to_postgresql_is_encrypted(platform: SecondPlatform) -> None:
    with closing(connect(platform.postgres_dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
        assert cursor.fetchone()[0] in ("TLSv1.2", "TLSv1.3")


@pytest.fixture
def reader(platform: SecondPlatform) -> Iterator[Any]:
    with closing(connect(platform.postgres_readonly_dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Its transactions are read-only unless it says otherwise; its rights must not rest on that.
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
            yield cursor


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM warehouse.stream_events",
        "INSERT INTO ops.query_events (kind) VALUES ('intruder')",
        "CREATE TABLE warehouse.intruder (id int)",
        "UPDATE metrics.hourly SET plays = 0",
    ],
)
def test_the_read_only_role_may_not_write(reader: Any, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        reader.execute(statement)


# -----------------------------------------------------------------------------
# Spark
# -----------------------------------------------------------------------------


def test_a_worker_that_does_not_know_the_secret_is_kept_out_of_the_cluster(platform: SecondPlatform) -> None:
    image = engine.containers(platform.name)["spark_master"]["Image"]
    own = "uid=10001,gid=10001"
    options = [
        "--rm",
        "--read-only",
        "--tmpfs",
        f"/run/music-platform:{own}",
        "--tmpfs",
        f"/var/lib/music-platform:{own}",
    ]
    options += [
        "--tmpfs",
        "/tmp",
        "--network",
        f"music-{platform.name}",
        "--name",
        f"music-{platform.name}-intruder",
    ]
    settings = {
        "MUSIC_SPARK_HOST": "127.0.0.1",
        "MUSIC_SPARK_MASTER_URL": platform.spark_master_url,
        "MUSIC_SPARK_WORKER_PORT": "7078",
        "MUSIC_SPARK_WORKER_UI_PORT": "8082",
    }
    environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    command = ["docker", "run", *options, *environment, image, "worker"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as intruder:
        assert intruder.stdout is not None
        timer = threading.Timer(90, intruder.kill)
        timer.start()
        said = []
        for line in intruder.stdout:
            said.append(line)
            if "Failed to connect to master" in line or "Successfully registered" in line:
                break
        timer.cancel()
        engine.docker("rm", "--force", f"music-{platform.name}-intruder")
    assert any("Failed to connect to master" in line for line in said), "".join(said[-20:])
    assert not any("Successfully registered" in line for line in said)
