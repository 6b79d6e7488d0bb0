"""Runs a provisioning script on artifacts made for the test."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """Artifacts of a broker that is one small file."""
    directory = tmp_path / "artifacts"
    jar = directory / "jars" / "kafka" / "broker.jar"
    jar.parent.mkdir(parents=True)
    jar.write_text("a broker")
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    manifest = {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "components": {"kafka": {"sha256": "0" * 64, "files": {"jars/kafka/broker.jar": digest}}},
    }
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


@pytest.fixture
def script(tmp_path: Path, artifacts: Path) -> Script:
    """Call as script("kafka.sh", "install", MUSIC_KAFKA_PORT=1): settings that are None are left out."""
    defaults = {
        "MUSIC_ARTIFACTS_DIR": artifacts,
        "MUSIC_OPT_DIR": tmp_path / "opt" / "kafka",
        "MUSIC_CONFIG_DIR": tmp_path / "etc",
        "MUSIC_DATA_DIR": tmp_path / "data",
        "MUSIC_KAFKA_HOST": "127.0.0.1",
        "MUSIC_KAFKA_PORT": 9092,
        "MUSIC_KAFKA_CONTROLLER_PORT": 9093,
        "MUSIC_KAFKA_NODE_ID": 1,
        "MUSIC_KAFKA_BROKER_COUNT": 1,
    }

    def call(name: str, verb: str, **settings: object) -> "subprocess.CompletedProcess[str]":
        chosen = {key: str(value) for key, value in {**defaults, **settings}.items() if value is not None}
        return subprocess.run(
            ["bash", CHECKOUT / "scripts" / "provision" / name, verb],
            env={"PATH": os.environ["PATH"], **chosen},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call
