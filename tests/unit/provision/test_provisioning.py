"""The provisioning scripts: what they install, refuse and write, without any server."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import manifest
import pytest

Script = Callable[..., "subprocess.CompletedProcess[str]"]
CHECKOUT = Path(__file__).resolve().parents[3]


def settings_in(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def formatted(tmp_path: Path) -> None:
    """Storage that looks as if a broker had formatted it, so that `configure` needs no Java."""
    (tmp_path / "data" / "log").mkdir(parents=True)
    (tmp_path / "data" / "log" / "meta.properties").touch()


def test_a_component_is_installed_once(script: Script, tmp_path: Path) -> None:
    first, second = script("kafka.sh", "install"), script("kafka.sh", "install")

    assert first.returncode == 0, first.stderr
    assert "installed kafka" in first.stdout
    assert (tmp_path / "opt" / "kafka" / "broker.jar").read_text() == "a broker"
    assert (second.returncode, second.stdout) == (0, "")


def test_an_artifact_that_was_changed_on_its_way_is_refused(
    script: Script, artifacts: Path, tmp_path: Path
) -> None:
    (artifacts / "jars" / "kafka" / "broker.jar").write_text("something else")

    result = script("kafka.sh", "install")

    assert result.returncode != 0
    assert "broker.jar was refused: its sha256 is" in result.stderr
    assert not (tmp_path / "opt" / "kafka").exists()


def test_a_missing_artifact_is_named(script: Script, artifacts: Path) -> None:
    (artifacts / "jars" / "kafka" / "broker.jar").unlink()

    result = script("kafka.sh", "install")

    assert result.returncode != 0
    assert "broker.jar is missing" in result.stderr


def test_an_installation_that_broke_off_is_repeated(script: Script, tmp_path: Path) -> None:
    script("kafka.sh", "install")
    (tmp_path / "opt" / "kafka" / ".installed").unlink()

    assert "installed kafka" in script("kafka.sh", "install").stdout


def test_a_disk_that_gets_full_is_a_sentence_and_leaves_no_stamp_of_an_installation(
    artifacts: Path, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    jar = artifacts / "jars" / "kafka" / "broker.jar"
    jar.write_bytes(bytes(6 * 2**20))
    described = json.loads((artifacts / "manifest.json").read_text())
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    described["components"]["kafka"]["files"]["jars/kafka/broker.jar"] = digest
    (artifacts / "manifest.json").write_text(json.dumps(described))
    disk = tmp_path / "disk"
    disk.mkdir()
    # In a namespace of its own, the disk goes with the process.
    steps = (
        'mount -t tmpfs -o size=5m disk "$1" || exit 77; bash "$2" install; code=$?; find "$1"; exit $code'
    )
    result = subprocess.run(
        [
            "unshare",
            "--mount",
            "bash",
            "-c",
            steps,
            "-",
            disk,
            CHECKOUT / "scripts" / "provision" / "kafka.sh",
        ],
        env={
            "PATH": os.environ["PATH"],
            "MUSIC_ARTIFACTS_DIR": str(artifacts),
            "MUSIC_OPT_DIR": str(disk / "opt" / "kafka"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode == 77 or "unshare" in result.stderr:
        pytest.skip(f"nothing can be mounted here: {result.stderr.strip()}")
    assert result.returncode != 0
    assert f"kafka: installing kafka into {disk}/opt/kafka broke off, with 0 MiB free" in result.stderr
    assert "make room if that is too little, then try again." in result.stderr
    assert f"{disk}/opt/kafka/broker.jar" in result.stdout
    assert ".installed" not in result.stdout


def test_a_missing_setting_is_named(script: Script) -> None:
    result = script("kafka.sh", "configure", MUSIC_KAFKA_PORT=None)

    assert result.returncode != 0
    assert "the setting MUSIC_KAFKA_PORT is missing" in result.stderr


@pytest.mark.usefixtures("formatted")
@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"), [(1, "1", "1"), (2, "2", "1"), (3, "3", "2"), (5, "3", "2")]
)
def test_replication_follows_the_number_of_brokers(
    script: Script, tmp_path: Path, brokers: int, replicas: str, in_sync: str
) -> None:
    result = script("kafka.sh", "configure", MUSIC_KAFKA_BROKER_COUNT=brokers)

    assert result.returncode == 0, result.stderr
    written = settings_in(tmp_path / "etc" / "kafka.properties")
    assert written["default.replication.factor"] == replicas
    assert written["offsets.topic.replication.factor"] == replicas
    assert written["min.insync.replicas"] == in_sync
    assert written["unclean.leader.election.enable"] == "false"
    assert written["auto.create.topics.enable"] == "false"


@pytest.mark.usefixtures("formatted")
def test_a_broker_may_bind_to_another_address_than_it_advertises(script: Script, tmp_path: Path) -> None:
    script("kafka.sh", "configure", MUSIC_KAFKA_HOST="kafka", MUSIC_KAFKA_BIND="0.0.0.0")

    written = settings_in(tmp_path / "etc" / "kafka.properties")
    assert written["listeners"] == "CLIENTS://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093"
    assert written["advertised.listeners"] == "CLIENTS://kafka:9092"


@pytest.mark.usefixtures("formatted")
def test_a_broker_with_a_certificate_takes_no_plain_connection_from_elsewhere(
    script: Script, tmp_path: Path
) -> None:
    result = script(
        "kafka.sh",
        "configure",
        MUSIC_TLS_DIR="/tls",
        MUSIC_KAFKA_BROKER_PORT=9094,
        MUSIC_KAFKA_ADMINISTRATORS="kafka-1 kafka-2",
        MUSIC_KAFKA_PUBLISHED_PORT=19092,
        MUSIC_KAFKA_PUBLISHED_ADDRESS="127.0.0.1:9192",
    )

    assert result.returncode == 0, result.stderr
    written = settings_in(tmp_path / "etc" / "kafka.properties")
    protocols = dict(word.split(":") for word in written["listener.security.protocol.map"].split(","))
    plain = {name for name, protocol in protocols.items() if protocol == "PLAINTEXT"}
    bound = dict(word.split("://") for word in written["listeners"].split(","))
    assert {bound[name].split(":")[0] for name in plain} == {"127.0.0.1"}
    assert written["super.users"] == "User:CN=kafka-1;User:CN=kafka-2"
    assert written["allow.everyone.if.no.acl.found"] == "false"
    assert "PUBLISHED://127.0.0.1:9192" in written["advertised.listeners"].split(",")


@pytest.mark.usefixtures("formatted")
def test_brokers_that_join_a_quorum_are_given_no_list_of_voters(script: Script, tmp_path: Path) -> None:
    script("kafka.sh", "configure", MUSIC_KAFKA_QUORUM="kafka-1:9093,kafka-2:9093")

    written = settings_in(tmp_path / "etc" / "kafka.properties")
    assert written["controller.quorum.bootstrap.servers"] == "kafka-1:9093,kafka-2:9093"
    assert "controller.quorum.voters" not in written


def test_one_components_artifacts_are_copied_with_a_manifest_of_their_own(
    artifacts: Path, tmp_path: Path
) -> None:
    manifest.main("select", artifacts, "kafka", str(tmp_path / "copy"))

    assert (tmp_path / "copy" / "jars" / "kafka" / "broker.jar").read_text() == "a broker"
    assert list(manifest.load(tmp_path / "copy")["components"]) == ["kafka"]
    manifest.main("verify", tmp_path / "copy", "kafka")


def test_what_a_component_shares_with_one_that_was_copied_before_is_not_copied_again(
    artifacts: Path, tmp_path: Path
) -> None:
    described = manifest.load(artifacts)
    described["components"]["kafka_packages"] = described["components"]["kafka"]
    (artifacts / "manifest.json").write_text(json.dumps(described))
    manifest.main("select", artifacts, "kafka_packages", str(tmp_path / "copy"))
    copied = (tmp_path / "copy" / "jars" / "kafka" / "broker.jar").stat()

    manifest.main("select", artifacts, "kafka", str(tmp_path / "copy"))

    assert (tmp_path / "copy" / "jars" / "kafka" / "broker.jar").stat() == copied
    assert list(manifest.load(tmp_path / "copy")["components"]) == ["kafka_packages", "kafka"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_names_its_server_and_comes_from_an_authority_that_stays(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "MUSIC_CA_DIR": str(tmp_path / "ca"),
        "MUSIC_TLS_DIR": str(tmp_path / "tls"),
    }
    command = [
        "bash",
        str(CHECKOUT / "scripts" / "provision" / "certificates.sh"),
        "issue",
        "kafka-1",
        "10.0.0.7",
    ]
    authorities, keys = set(), set()
    for _ in range(2):
        subprocess.run(command, env=environment, check=True, capture_output=True)
        authorities.add((tmp_path / "tls" / "ca.pem").read_text())
        keys.add((tmp_path / "tls" / "key.pem").read_text())

    assert (len(authorities), len(keys)) == (1, 2)
    assert stat.S_IMODE((tmp_path / "tls" / "key.pem").stat().st_mode) == 0o600
    own = [str(tmp_path / "tls" / name) for name in ("ca.pem", "certificate.pem")]
    subprocess.run(["openssl", "verify", "-CAfile", *own], check=True, capture_output=True)
    shown = subprocess.run(
        ["openssl", "x509", "-in", own[1], "-noout", "-ext", "subjectAltName"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "DNS:kafka-1" in shown and "IP Address:10.0.0.7" in shown


def test_what_lies_below_a_component_in_an_image_stays_when_the_component_is_installed(
    script: Script, tmp_path: Path
) -> None:
    directory = tmp_path / "opt" / "kafka"
    directory.mkdir(parents=True)
    for name in (".packages", "of-others"):
        (directory / name).touch()

    result = script("kafka.sh", "install")

    assert result.returncode == 0, result.stderr
    assert (directory / "broker.jar").exists() and (directory / "of-others").exists()


def test_a_cluster_with_a_secret_authenticates_and_encrypts_and_takes_no_older_protocol(
    script: Script, tmp_path: Path
) -> None:
    cluster = {"MUSIC_SPARK_HOST": "spark-master", "MUSIC_SPARK_MASTER_URL": "spark://spark-master:7077"}
    result = script("spark.sh", "configure", MUSIC_SPARK_SECRET="known", **cluster)

    assert result.returncode == 0, result.stderr
    file = tmp_path / "etc" / "spark" / "spark-defaults.conf"
    assert dict(line.split() for line in file.read_text().splitlines()) == {
        "spark.ui.killEnabled": "false",
        "spark.authenticate": "true",
        "spark.authenticate.secret": "known",
        "spark.network.crypto.enabled": "true",
        "spark.network.crypto.saslFallback": "false",
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_health_of_a_server_that_is_not_there_is_a_sentence(script: Script) -> None:
    result = script("kafka.sh", "health", MUSIC_KAFKA_PORT=1)

    assert result.returncode != 0
    assert result.stderr == "kafka: the broker does not answer on 127.0.0.1:1.\n"


@pytest.mark.parametrize(
    "name", ["kafka.sh", "postgres.sh", "producer.sh", "schema_registry.sh", "spark.sh", "superset.sh"]
)
def test_an_unknown_verb_gets_the_list_of_verbs(script: Script, name: str) -> None:
    result = script(name, "stat")

    assert result.returncode == 2
    assert result.stderr.startswith(f"usage: {name} install")
    for verb in ("configure", "run", "health"):
        assert f"|{verb}" in result.stderr


def test_secrets_are_kept_in_a_file_for_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "SERVICE_NAME": "postgres",
        "SERVICE_INSTANCE": str(tmp_path),
        "SERVICE_SCRIPT": "unused",
        "SERVICE_SECRETS": "MUSIC_POSTGRES_OWNER_PASSWORD='secret'",
    }

    subprocess.run(
        ["bash", CHECKOUT / "modules" / "service" / "local" / "service.sh", "secrets"],
        env=environment,
        check=True,
    )

    file = tmp_path / "secrets" / "postgres.env"
    assert file.read_text() == "MUSIC_POSTGRES_OWNER_PASSWORD='secret'\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
