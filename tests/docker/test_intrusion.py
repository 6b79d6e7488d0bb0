"""Tries to get into PostgreSQL, the registry and the cluster of Spark; Kafka has test_intrusion_kafka.py."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from tests.docker import engine, intruders
from tests.docker.health import RECOVERY_LIMIT_S, alive_workers
from tests.docker.intruders import ANSWER_LIMIT_S
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker


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


@pytest.fixture(scope="session")
def other_authority(platform: SecondPlatform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of an authority that is made as the platform's own is, and is another one."""
    script = "/opt/music-platform/provision/certificates.sh"
    made = engine.docker(
        "run",
        "--rm",
        "--env",
        "MUSIC_CA_DIR=/tmp/authority",
        "--entrypoint",
        "bash",
        intruders.image(platform, "certificates"),
        "-c",
        f"{script} authority && {script} show",
    )
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    file.write_text(made)
    return file


def test_a_client_of_postgresql_sees_a_server_of_another_authority(
    platform: SecondPlatform, other_authority: Path
) -> None:
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        connect(platform.postgres_dsn, sslrootcert=str(other_authority))


def test_postgresql_asks_for_passwords_by_scram_and_by_nothing_else(platform: SecondPlatform) -> None:
    connect(platform.postgres_dsn, require_auth="scram-sha-256").close()
    with pytest.raises(psycopg2.OperationalError, match=r'"md5".* failed'):
        connect(platform.postgres_dsn, require_auth="md5")


@pytest.fixture(params=["postgres_readonly_dsn", "postgres_dashboards_dsn"])
def reader(platform: SecondPlatform, request: pytest.FixtureRequest) -> Iterator[Any]:
    with closing(connect(platform.outputs[request.param])) as connection:
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
        "CREATE TABLE analytics.intruder (id int)",
        "CREATE TEMPORARY TABLE intruder (id int)",
        "UPDATE metrics.hourly SET plays = 0",
    ],
)
def test_roles_that_only_read_may_not_write(reader: Any, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        reader.execute(statement)


# -----------------------------------------------------------------------------
# The registry
# -----------------------------------------------------------------------------


def test_the_registry_cannot_be_reached_from_another_network_of_the_engine(platform: SecondPlatform) -> None:
    host, port = "schema-registry", 8081
    address = intruders.address(platform, "schema_registry")
    own = intruders.network(platform)
    assert intruders.resolves(platform, own, host)
    assert intruders.connects(platform, own, address, port)
    with intruders.other_network(platform) as other:
        assert not intruders.resolves(platform, other, host)
        assert not intruders.connects(platform, other, address, port)


# -----------------------------------------------------------------------------
# Spark
# -----------------------------------------------------------------------------


def test_the_stream_job_runs_with_authentication_and_encryption(platform: SecondPlatform) -> None:
    applications = f"{platform.spark_job_ui_url}/api/v1/applications"
    with httpx.Client(timeout=ANSWER_LIMIT_S) as client:
        (job,) = client.get(applications).raise_for_status().json()
        environment = client.get(f"{applications}/{job['id']}/environment").raise_for_status().json()
    settings = dict(environment["sparkProperties"])
    assert settings["spark.authenticate"] == "true"
    assert settings["spark.network.crypto.enabled"] == "true"
    assert settings["spark.network.crypto.saslFallback"] == "false"
    assert known_secret(platform) not in str(environment)


def known_secret(platform: SecondPlatform) -> str:
    environment = engine.containers(platform.name)["spark_job"]["Config"]["Env"]
    return dict(line.split("=", 1) for line in environment)["MUSIC_SPARK_SECRET"]


def what_a_worker_hears(platform: SecondPlatform, secret: str | None, *until: str) -> str:
    """Start a worker with a secret or without one; what it says until it is let in or all this is said."""
    own = "uid=10001,gid=10001"
    name = f"music-{platform.name}-intruder"
    options = ["--rm", "--name", name, "--network", intruders.network(platform), "--read-only"]
    for mount in (f"/run/music-platform:{own}", f"/var/lib/music-platform:{own}", "/tmp"):
        options += ["--tmpfs", mount]
    settings = {
        "MUSIC_SPARK_HOST": "127.0.0.1",
        "MUSIC_SPARK_MASTER_URL": platform.spark_master_url,
        "MUSIC_SPARK_WORKER_PORT": "7078",
        "MUSIC_SPARK_WORKER_UI_PORT": "8082",
        # Too little for an executor: should it be let in, it gets no work.
        "MUSIC_SPARK_WORKER_MEMORY": "128m",
        **({} if secret is None else {"MUSIC_SPARK_SECRET": secret}),
    }
    environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    command = ["docker", "run", *options, *environment, intruders.image(platform, "spark"), "worker"]
    said: list[str] = []
    awaited = set(until)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as intruder:
        assert intruder.stdout is not None
        timer = threading.Timer(90, intruder.kill)
        timer.start()
        for line in intruder.stdout:
            said.append(line)
            # A try can end without the reason, when the master hangs up early. Another one follows.
            awaited -= {sentence for sentence in awaited if sentence in line}
            if not awaited or "Successfully registered" in line:
                break
        timer.cancel()
        engine.docker("rm", "--force", name)
        said += intruder.stdout.readlines()
    return "".join(said)


@pytest.mark.parametrize(
    ("secret", "reason"), [(None, "Unknown challenge message"), ("wrong", "Authentication failed")]
)
def test_a_worker_that_does_not_know_the_secret_is_kept_out_of_the_cluster(
    platform: SecondPlatform, secret: str | None, reason: str
) -> None:
    # It is not the network that keeps it out.
    assert intruders.connects(platform, intruders.network(platform), "spark-master", 7077)

    said = what_a_worker_hears(platform, secret, "Failed to connect to master", reason)

    assert "Failed to connect to master" in said and reason in said, said[-4000:]
    assert "Successfully registered" not in said


def test_a_worker_that_knows_the_secret_is_let_in(platform: SecondPlatform) -> None:
    """Otherwise those without it might be kept out by something else."""
    before = alive_workers(platform)

    let_in = "Successfully registered"
    assert let_in in what_a_worker_hears(platform, known_secret(platform), let_in)

    wait_until(lambda: alive_workers(platform) == before, RECOVERY_LIMIT_S, "the master has forgotten it")
