"""The command line as a user meets it: a process with an exit code and sentences."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from music_platform.hosts import processes

from tests.second_platform import free_offset

CHECKOUT = Path(__file__).parents[3]


def run(
    *words: str, directory: Path = CHECKOUT, home: Path | None = None, answer: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from music_platform.cli import main; main()", *words],
        cwd=directory,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home or directory)},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["up", "RATE=fast"], "RATE=fast is not possible: RATE expects events per second"),
        (["up", "RAET=5"], "There is no setting called RAET. Did you mean RATE?"),
        (["status", "ENV=mars"], "There is no environment called mars: terraform/ has"),
        (["output", "NAME=never"], "There is no running platform called never: start it with `make up`."),
        (["output", "kafka", "NAME=never"], "There is no running platform called never"),
        (["smoke", "NAME=never"], "There is no running platform called never"),
        (["open", "NAME=never"], "There is no running platform called never"),
        (["import", "NAME=never"], "Say which export to import: make import FILE=my_spotify_data.zip"),
        (["import", "FILE=README.md", "NAME=never"], "There is no running platform called never"),
        (["import", "FILE=/no/such.zip"], "FILE expects the path of an export"),
        (["logs", "NAME=never"], "was the platform started?"),
        (["fly"], "No such command 'fly'. See `music-platform --help`."),
    ],
)
def test_a_mistake_is_answered_with_a_sentence_and_a_failing_exit(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    result = run(*words, f"HOME_DIR={tmp_path}") if words != ["fly"] else run(*words)
    assert result.returncode not in (0, -1)
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_the_traceback_is_shown_when_it_is_asked_for() -> None:
    for words in (["--debug", "up", "RATE=fast"], ["up", "RATE=fast", "--debug"]):
        result = run(*words)
        assert result.returncode != 0
        assert "Traceback" in result.stderr


def test_a_command_outside_a_checkout_says_so(tmp_path: Path) -> None:
    result = run("status", directory=tmp_path)
    assert result.returncode == 1
    assert f"{tmp_path} is not in a checkout of the platform" in result.stderr


def test_there_is_nothing_to_stop_or_to_remove_where_nothing_was_started(tmp_path: Path) -> None:
    for command in ("down", "destroy"):
        result = run(command, "NAME=never", f"HOME_DIR={tmp_path}")
        assert result.returncode == 0
        assert "There is no platform called 'never' here" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", ["n\n", "\n", ""], ids=["no", "the default", "nobody there"])
def test_destroy_removes_nothing_unless_it_is_told_to(tmp_path: Path, answer: str) -> None:
    data = tmp_path / "instances" / "mine" / "data"
    data.mkdir(parents=True)
    result = run("destroy", "NAME=mine", f"HOME_DIR={tmp_path}", answer=answer)
    assert result.returncode == 1
    assert "Nothing was removed. `make destroy FORCE=1` does not ask." in result.stderr
    assert data.is_dir()


def test_the_status_of_a_platform_that_was_never_started_says_how_to_start_it(tmp_path: Path) -> None:
    result = run("status", "NAME=never", f"HOME_DIR={tmp_path}")
    assert result.returncode == 1
    assert "The platform 'never' is not running: `make up` starts it." in result.stdout


def test_a_start_with_a_taken_port_leaves_nothing_behind(tmp_path: Path) -> None:
    platform, user = tmp_path / "platform", tmp_path / "user"
    offset = free_offset()
    with socket.create_server(("127.0.0.1", 9092 + offset)):
        result = run("up", "NAME=never", f"HOME_DIR={platform}", f"PORT_OFFSET={offset}", home=user)
    assert result.returncode == 1
    assert "This machine is not ready; nothing was started." in result.stderr
    assert f"Port {9092 + offset} (kafka) is taken by " in result.stderr
    assert "move all ports with `make up PORT_OFFSET=100`" in result.stderr
    # Neither state nor settings: only what keeps two commands from working at a time.
    files = [path for path in platform.rglob("*") if path.is_file()]
    assert files == [platform / "instances" / ".never.lock"]
    assert processes.belonging_to(platform) == []
