"""What is asked of a Docker engine beside Terraform: its client only notes what it is called with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from music_platform.deployment.instance import Instance
from music_platform.deployment.terraform import Terraform
from music_platform.hosts.container_host import ContainerHost

CHECKOUT = Path(__file__).resolve().parents[3]
CONTAINER = {
    "Id": "a1",
    "Name": "/music-test-postgres",
    "Image": "sha256:b2",
    "Config": {"Labels": {"music-platform.service": "postgres"}, "Env": ["MUSIC_POSTGRES_PORT=5432"]},
}
CLIENT = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["CALLS"], "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
answers = json.loads(os.environ["ANSWERS"])
print(answers.get(" ".join(sys.argv[1:3]), answers.get(sys.argv[1], "")))
"""

Calls = Callable[[str], list[list[str]]]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A client in the place of Docker's; call for the arguments that a command of it was given."""
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(CLIENT)
    client.chmod(0o755)
    noted = tmp_path / "calls"
    noted.touch()
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(noted))
    monkeypatch.setenv(
        "ANSWERS",
        json.dumps(
            {
                "ps": "a1\nc3",
                "inspect": json.dumps([CONTAINER]),
                "inspect --format": "MUSIC_KAFKA_PORT=9092",
                "network ls": "n1",
                "image ls": "i1\ni1",
            }
        ),
    )

    def of(command: str) -> list[list[str]]:
        given = [json.loads(line) for line in noted.read_text().splitlines()]
        return [arguments for arguments in given if " ".join(arguments).startswith(f"{command} ")]

    return of


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(CHECKOUT, tmp_path, "test", "docker")


def script(path: str, *arguments: str) -> None:
    subprocess.run(["bash", CHECKOUT / "modules" / path, *arguments], check=True)


DEEDS: Mapping[str, Callable[[Instance, Path], None]] = {
    "backup": lambda instance, file: ContainerHost(instance).pack("postgres", file),
    "restore": lambda instance, file: ContainerHost(instance).unpack("postgres", file),
    "task": lambda *_: script("task/docker/task.sh", "net", "service", "image", "kafka.sh", "", "topics"),
    "authority": lambda _, file: script(
        "engine/docker/certificates.sh", "authority", "image", "volume", str(file), "a=b"
    ),
    "certificate": lambda *_: script(
        "engine/docker/certificates.sh", "issue", "image", "authority", "volume", "kafka-1", "kafka", "a=b"
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_runs_once_in_a_container_has_no_rights_and_limits(
    calls: Calls, instance: Instance, tmp_path: Path, deed: str
) -> None:
    file = tmp_path / "file"
    file.touch()

    DEEDS[deed](instance, file)

    assert calls("run")
    for arguments in calls("run"):
        said = " ".join(arguments)
        assert {"--rm", "--read-only"} <= set(arguments)
        for option in ("--cap-drop ALL", "--security-opt no-new-privileges", "--memory ", "--cpu-quota "):
            assert option in said
        value = {name: arguments[arguments.index(name) + 1] for name in ("--memory", "--memory-swap")}
        assert value["--memory"] == value["--memory-swap"]
        assert "--log-driver none" in said or "--log-driver json-file --log-opt max-size=" in said


def test_before_a_destroy_containers_go_that_terraform_does_not_know(
    calls: Calls, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"docker_container": {"a1"}}
    monkeypatch.setattr(Terraform, "identities", lambda _, kind: known[kind])

    ContainerHost(instance).before_destroy()

    assert calls("rm") == [["rm", "--force", "c3"]]
    (listing,) = calls("ps")
    assert "label=music-platform.name=test" in listing
    # Another checkout may have a platform of the same name in this engine.
    assert f"label=music-platform.home={instance.home}" in listing


def test_after_a_destroy_networks_and_images_go_that_are_left(calls: Calls, instance: Instance) -> None:
    ContainerHost(instance).after_destroy()

    assert calls("network rm") == [["network", "rm", "n1"]]
    assert calls("image rm") == [["image", "rm", "--force", "i1"]]
