"""What is said about a machine that is not ready: a sentence with the remedy, and nothing is started."""

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from music_platform.console.progress import Progress
from music_platform.deployment import instance as instances
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting, java, ports, preflight

CHECKOUT = Path(__file__).parents[3]


def program(directory: Path, name: str, script: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_a_taken_port_is_named_with_its_holder_and_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PlatformError) as refusal:
            ports.require({"PostgreSQL": port})
    sentence = str(refusal.value)
    assert f"Port {port} (PostgreSQL) is taken by " in sentence
    assert f"(process {os.getpid()})" in sentence
    assert "make up PORT_OFFSET=100" in sentence
    ports.require({"PostgreSQL": port})


def test_a_port_that_one_of_our_processes_holds_is_no_obstacle() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ports.require({"Kafka": server.getsockname()[1]}, ours={os.getpid()})


def test_a_port_offset_that_leads_beyond_the_last_port_is_refused() -> None:
    with pytest.raises(PlatformError, match="would be 70000, above 65535: choose a smaller PORT_OFFSET"):
        ports.require({"Kafka": 70000})


def test_a_missing_terraform_is_answered_with_both_ways_to_get_one(tmp_path: Path) -> None:
    instance = Instance(checkout=tmp_path, home=tmp_path, terraform_binary="terraform-is-not-here")
    with pytest.raises(PlatformError, match=r"terraform-is-not-here was not found\. .*make up TF=tofu"):
        preflight.require_terraform(instance)


def test_an_old_terraform_is_named_with_its_version(tmp_path: Path) -> None:
    (tmp_path / "terraform" / "local").mkdir(parents=True)
    old = program(tmp_path / "bin", "terraform", """echo '{"terraform_version": "1.3.9"}'""")
    instance = Instance(checkout=tmp_path, home=tmp_path, terraform_binary=str(old))
    with pytest.raises(PlatformError, match=r"has version 1\.3\.9; 1\.9 or newer is needed"):
        preflight.require_terraform(instance)


def test_a_missing_java_is_answered_with_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatformError, match=r"no java on the PATH\. Install a JDK of version 17 or newer"):
        java.require()


def test_a_java_home_without_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(PlatformError, match=f"JAVA_HOME \\({tmp_path}\\) holds no bin/java"):
        java.require()


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ('openjdk version "11.0.2" 2019-01-15', r"is Java 11\.0\.2, which is too old"),
        ('java version "1.8.0_402"', r"is Java 8\.0, which is too old"),
        ('openjdk version "21.0.8" 2025-07-15', r"lacks the module jdk\.incubator\.vector that Spark needs"),
        ("no idea", r"does not say its version"),
    ],
)
def test_an_unfit_java_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, sentence: str
) -> None:
    program(tmp_path / "bin", "java", f"echo '{says}' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(PlatformError, match=sentence):
        java.require()


def test_too_little_disk_is_answered_with_the_place_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=f"free on the disk of {tmp_path} .*make up HOME_DIR="):
        preflight.require_disk(tmp_path / "not" / "yet" / "there", needed=2**60)


def test_a_home_is_refused_when_the_path_of_the_socket_in_it_is_a_character_too_long() -> None:
    inside = len("/instances/default/run/supervisor.sock")
    longest = Instance(checkout=CHECKOUT, home=Path("/" + "h" * (99 - inside - 1)))
    assert len(str(longest.supervisor_socket)) == 99
    assert preflight.require_usable_path(longest) == f"home {longest.home}"
    for longer in (replace(longest, home=Path(f"{longest.home}h")), replace(longest, name="defaults")):
        with pytest.raises(PlatformError, match=r"is too long by 1 for the supervisor's socket .* HOME_DIR="):
            preflight.require_usable_path(longer)


def test_the_home_of_an_ordinary_user_in_an_ordinary_path_is_accepted() -> None:
    checkout = Path("/home/ubuntu/music-streaming-analytics")
    home = instances.default_home(checkout, as_root=False)
    assert preflight.require_usable_path(Instance(checkout=CHECKOUT, home=home)) == f"home {home}"


@pytest.mark.parametrize("path", ["/home/ada lovelace/platform", "/home/100%", "/home/zoë", "/home/a\nb"])
def test_a_home_with_what_a_configuration_file_could_misread_is_refused(path: str) -> None:
    with pytest.raises(PlatformError, match=r"holds more than letters, digits, .* HOME_DIR="):
        preflight.require_usable_path(Instance(checkout=CHECKOUT, home=Path(path)))


def test_too_little_memory_is_a_sentence() -> None:
    with pytest.raises(PlatformError, match=r"GiB of memory are available and 1048576\.0 GiB are needed"):
        preflight.require_memory(needed=2**50)


def test_the_limit_of_a_container_counts_as_its_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("2000000\n")
    (tmp_path / "memory.current").write_text("500000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\ninactive_file 100000\n")
    assert preflight.memory_available(tmp_path) == 1_600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert preflight.memory_available(tmp_path) > 1_600_000


def test_all_that_is_missing_is_said_at_once_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    instance = Instance(checkout=CHECKOUT, home=tmp_path / "home", terraform_binary="terraform-is-not-here")
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PlatformError) as refusal:
        checks = hosting.of(instance).checks({"Kafka": server.getsockname()[1]})
        preflight.run(instance, checks, Progress(quiet=True))
    sentences = str(refusal.value)
    assert "nothing was started" in sentences
    assert "holds no bin/java" in sentences
    assert "terraform-is-not-here was not found" in sentences
    assert "(Kafka) is taken by" in sentences
    assert not instance.home.exists()
