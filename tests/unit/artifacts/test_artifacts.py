"""Artifacts: reproducible, pinned, and refused when they are not what was pinned."""

import sys
from pathlib import Path

import pytest
from music_platform.artifacts import building, jars, manifest
from music_platform.artifacts.manifest import Hashes
from music_platform.artifacts.wheels import build_own, pinned, read_lock
from music_platform.console.progress import Progress
from music_platform.errors import PlatformError

LOCK = """\
click==8.5.1 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cccc
typing-extensions==4.16.0 ; python_full_version >= '3.8' \\
    --hash=sha256:dddd
"""


def test_a_lock_gives_the_packages_that_this_machine_needs_with_all_their_hashes() -> None:
    assert read_lock(LOCK) == {
        "click==8.5.1": "click==8.5.1 --hash=sha256:aaaa --hash=sha256:bbbb",
        "typing_extensions==4.16.0": "typing_extensions==4.16.0 --hash=sha256:dddd",
    }


def test_requirements_for_a_target_name_the_hash_of_the_very_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "pyspark-4.2.0-py2.py3-none-any.whl"
    wheel.write_bytes(b"built here")

    text = pinned([wheel], Hashes(tmp_path / "hashes.json"))

    assert text == f"pyspark==4.2.0 --hash=sha256:{manifest.sha256(wheel)}\n"


def test_the_same_sources_give_the_same_wheel(tmp_path: Path, checkout: Path) -> None:
    wheels = [
        build_own(
            checkout / "app" / "contract",
            tmp_path / name / "wheels",
            Path(sys.executable),
            Progress(quiet=True),
        )
        for name in ("first", "second")
        if (tmp_path / name).mkdir() is None
    ]

    assert manifest.sha256(wheels[0]) == manifest.sha256(wheels[1])


def test_the_same_migrations_give_the_same_archive(tmp_path: Path) -> None:
    migration = tmp_path / "0001.first.sql"
    migration.write_text("SELECT 1;\n")
    archives = [tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"]

    building._pack(tmp_path, [migration], archives[0])
    migration.touch()
    building._pack(tmp_path, [migration], archives[1])

    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_a_component_gets_another_hash_when_one_of_its_files_changes_and_others_keep_theirs(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one.jar", tmp_path / "other.jar"
    one.write_text("1")
    other.write_text("2")
    components = {"one": [one], "other": [other]}

    before = manifest.describe(tmp_path, components, Hashes(tmp_path / "hashes.json"))["components"]
    one.write_text("changed")
    after = manifest.describe(tmp_path, components, Hashes(tmp_path / "hashes.json"))["components"]

    assert before["one"]["sha256"] != after["one"]["sha256"]
    assert before["other"] == after["other"]


def test_a_manifest_that_says_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    described = manifest.describe(tmp_path, {}, Hashes(tmp_path / "hashes.json"))

    assert manifest.write(tmp_path, described)
    assert not manifest.write(tmp_path, described)


@pytest.mark.parametrize(
    ("pin", "reason"),
    [("", "is not pinned in jars.lock"), ("0" * 64 + "  jars/kafka/a.jar\n", "has another sha256")],
)
def test_a_jar_that_is_not_what_was_pinned_is_refused(tmp_path: Path, pin: str, reason: str) -> None:
    jar = tmp_path / "a.jar"
    jar.write_text("content")
    lock = tmp_path / "jars.lock"
    lock.write_text(pin)

    with pytest.raises(PlatformError, match=reason):
        jars._check({"jars/kafka/a.jar": jar}, jars.pins(lock), lock)


def test_every_jar_of_every_architecture_is_pinned_once(checkout: Path) -> None:
    pins = jars.pins(checkout / "artifacts" / "jars.lock")

    assert {path.split("/")[0] for path in pins} == {"jars", "postgres", "registry"}
    for architecture in set(jars.ARCHITECTURES.values()):
        assert any(architecture in path for path in pins if path.startswith("postgres/"))
    assert all(len(digest) == 64 for digest in pins.values())


def test_no_lock_names_an_index(checkout: Path) -> None:
    for lock in (checkout / "requirements").glob("*.txt"):
        assert "://" not in lock.read_text(), lock.name
