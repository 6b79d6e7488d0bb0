"""The contract changes while the platform runs: what fits goes through, what breaks readers is refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from music_contract.topics import STREAM_EVENTS, TOPICS

from tests import audit
from tests.records import EVENT
from tests.second_platform import CHECKOUT, SecondPlatform

pytestmark = pytest.mark.integration

SUBJECT = TOPICS[STREAM_EVENTS].subject


@pytest.fixture
def contract_without_a_field(tmp_path: Path) -> Path:
    """The contract's package with an event that has lost a required field."""
    package = tmp_path / "src"
    shutil.copytree(CHECKOUT / "app" / "contract" / "src", package)
    path = package / "music_contract" / "schemas" / f"{EVENT}.schema.json"
    remove_liked(path)
    return package


def remove_liked(path: Path) -> None:
    """Remove a required field from the event's schema in this file."""
    document = json.loads(path.read_text("utf-8"))
    document["required"].remove("liked")
    del document["properties"]["liked"]
    path.write_text(json.dumps(document), "utf-8")


@pytest.mark.parametrize("verb", ["check", "register"])
def test_what_a_deploy_asks_first_refuses_a_removed_field_and_leaves_everything_running(
    platform: SecondPlatform, contract_without_a_field: Path, verb: str
) -> None:
    client = SchemaRegistryClient({"url": platform.schema_registry_url})
    versions = client.get_versions(SUBJECT)
    running = {program.name: program.pid for program in platform.supervisor.programs()}
    assert running
    refused = subprocess.run(
        [
            *(sys.executable, "-c", "import sys; from music_contract.cli import main; sys.exit(main())"),
            *("schemas", verb, "--registry-url", platform.schema_registry_url),
        ],
        env={**os.environ, "PYTHONPATH": str(contract_without_a_field)},
        capture_output=True,
        text=True,
    )
    print(refused.stdout, refused.stderr)
    assert refused.returncode == 1
    assert "liked is no longer there" in refused.stderr
    assert client.get_versions(SUBJECT) == versions
    assert {program.name: program.pid for program in platform.supervisor.programs()} == running


def small_copy(source: str, target: str) -> None:
    """Copy a file, or where it is large (jars, wheels of others) only point to it."""
    if Path(source).stat().st_size > 10_000_000:
        Path(target).symlink_to(source)
    else:
        shutil.copy2(source, target)


@pytest.fixture
def changed_checkout(tmp_path: Path) -> Path:
    """A checkout with its artifacts, whose event has lost a required field."""
    checkout = tmp_path / "checkout"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, tracked.stdout.split("\0")):
        if (CHECKOUT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, checkout / name)
    shutil.copytree(CHECKOUT / "build", checkout / "build", symlinks=True, copy_function=small_copy)
    (checkout / ".venv").symlink_to(CHECKOUT / ".venv")
    remove_liked(checkout / "app/contract/src/music_contract/schemas" / f"{EVENT}.schema.json")
    return checkout


def sessions(platform: SecondPlatform) -> int:
    """How often the stream has been started."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT count(*) FROM ops.query_events WHERE kind = 'started'")
        return int(cursor.fetchone()[0])


def test_an_up_that_removes_a_required_field_is_refused_as_a_whole_and_the_stream_goes_on(
    platform: SecondPlatform, changed_checkout: Path
) -> None:
    client = SchemaRegistryClient({"url": platform.schema_registry_url})
    versions = client.get_versions(SUBJECT)
    running = {program.name: program.pid for program in platform.supervisor.programs()}
    started = sessions(platform)
    refused = platform.run("up", checkout=changed_checkout)
    print(refused.stdout, refused.stderr)
    assert refused.returncode != 0
    assert "liked is no longer there" in refused.stdout + refused.stderr
    assert client.get_versions(SUBJECT) == versions
    assert {program.name: program.pid for program in platform.supervisor.programs()} == running
    proven = platform.run("smoke")
    assert proven.returncode == 0, proven.stdout + proven.stderr
    assert {program.name: program.pid for program in platform.supervisor.programs()} == running
    assert sessions(platform) == started
    # Whoever takes the change back goes on as before; other tests do.
    again = platform.run("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert {program.name: program.pid for program in platform.supervisor.programs()} == running
