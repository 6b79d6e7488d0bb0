"""What is said about a machine that is not ready: a sentence with the remedy, and nothing is started."""

import os
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from music_platform.console.progress import Progress
from music_platform.deployment import instance as instances
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting, java, ports, preflight

from tests.stand_ins import program

CHECKOUT = Path(__file__).parents[3]


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


def test_what_is_written_to_home_and_checkout_must_fit_together_on_their_one_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**29))
    instance = Instance(checkout=tmp_path / "checkout", home=tmp_path / "home")

    def needed() -> str:
        [check] = preflight.disk_checks(instance)
        with pytest.raises(PlatformError, match=r"0\.5 GiB are free") as refusal:
            check()
        return str(refusal.value).partition(" and ")[2].partition(" are needed")[0]

    assert needed() == "8.0 GiB"
    (instance.checkout / "build" / "artifacts").mkdir(parents=True)
    (instance.checkout / "build" / "artifacts" / "manifest.json").touch()
    assert needed() == "6.0 GiB"
    instance.directory.mkdir(parents=True)
    assert needed() == "1.0 GiB"


def test_a_home_on_another_disk_than_the_checkout_has_a_need_of_its_own(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one disk here")
    instance = Instance(checkout=tmp_path, home=elsewhere / "no" / "such" / "home")
    assert [check.args for check in preflight.disk_checks(instance)] == [
        (instance.home, preflight.DISK_FOR_HOME + preflight.DISK_MARGIN),
        (instance.checkout, preflight.DISK_FOR_ARTIFACTS + preflight.DISK_MARGIN),
    ]


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


@pytest.fixture
def debian_without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with the system's commands and an apt-get that brings a Java, but no Java yet."""
    bin = tmp_path / "bin"
    program(bin, "java-in-a-package", "echo 'openjdk version \"21.0.8\"'; echo jdk.incubator.vector")
    program(bin, "apt-get", f'echo "$1" >>{tmp_path}/told; cp {bin}/java-in-a-package {bin}/java')
    for name in ("cp", "sh"):
        (bin / name).symlink_to(str(shutil.which(name)))
    program(bin, "apt-cache", "echo it is there")
    program(bin, "terraform", """echo '{"terraform_version": "1.11.4"}'""")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(bin))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_a_jdk_is_installed_once_all_the_rest_is_there(debian_without_java: Path) -> None:
    instance = Instance(checkout=debian_without_java, home=debian_without_java / "home")
    preflight.run(instance, [], Progress(quiet=True))
    assert (debian_without_java / "told").read_text().split() == ["update", "install"]


def test_nothing_is_installed_on_a_machine_that_lacks_something_else(debian_without_java: Path) -> None:
    (debian_without_java / "bin" / "terraform").unlink()
    instance = Instance(checkout=debian_without_java, home=debian_without_java / "home")
    with pytest.raises(PlatformError, match="The program terraform was not found") as refusal:
        preflight.run(instance, [], Progress(quiet=True))
    assert "Java" not in str(refusal.value)
    assert not (debian_without_java / "told").exists()


def runtimes(instance: Instance) -> str:
    """What the check of the servers' Python and Java says."""
    checks = {getattr(check, "__name__", ""): check for check in hosting.of(instance).checks({"Kafka": 9092})}
    return checks["_require_runtimes"]()


def test_the_servers_run_on_a_python_that_their_user_can_run(tmp_path: Path) -> None:
    instance = Instance(checkout=CHECKOUT, home=tmp_path, name="test")
    assert re.fullmatch(r"/\S+python\S* for the servers", runtimes(instance))


def test_a_java_that_the_servers_user_cannot_run_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("the servers' user is another one only when root starts them")
    (tmp_path / "root").mkdir(mode=0o700)
    program(tmp_path / "root" / "jdk" / "bin", "java", "")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "root" / "jdk"))
    with pytest.raises(
        PlatformError, match=r"The user nobody, as whom .* cannot run .*/jdk/bin/java: they need"
    ):
        runtimes(Instance(checkout=CHECKOUT, home=tmp_path, name="test"))


def test_a_user_who_does_not_exist_is_named(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the servers' user is another one only when root starts them")
    instance = Instance(checkout=CHECKOUT, home=tmp_path, name="test")
    instance.settings_file.parent.mkdir(parents=True)
    instance.settings_file.write_text('{"run_as": "nobody-here"}')
    with pytest.raises(PlatformError, match=r"^there is no user nobody-here: "):
        runtimes(instance)
