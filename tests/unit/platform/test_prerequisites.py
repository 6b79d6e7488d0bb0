"""The programs that a machine must have: what is said of a missing one, and when."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from music_platform.errors import PlatformError
from music_platform.hosts import prerequisites

from tests.stand_ins import program

CHECKOUT = Path(__file__).parents[3]


def test_a_missing_terraform_is_answered_with_both_ways_to_get_one() -> None:
    with pytest.raises(PlatformError, match=r"terraform-is-not-here was not found\. .*make up TF=tofu"):
        prerequisites.require_terraform("terraform-is-not-here")


def test_an_old_terraform_is_named_with_its_version(tmp_path: Path) -> None:
    old = program(tmp_path, "terraform", """echo '{"terraform_version": "1.3.9"}'""")
    with pytest.raises(PlatformError, match=r"has version 1\.3\.9; 1\.9 or newer is needed"):
        prerequisites.require_terraform(str(old))


@pytest.mark.parametrize("script", ["exit 1", "echo what?", """echo '{"terraform_version": "new"}'"""])
def test_a_terraform_that_says_no_version_is_a_sentence(tmp_path: Path, script: str) -> None:
    with pytest.raises(PlatformError, match=r"terraform does not say its version .*: install it anew"):
        prerequisites.require_terraform(str(program(tmp_path, "terraform", script)))


def test_a_version_is_found_behind_a_warning_and_before_a_name(tmp_path: Path) -> None:
    says = """echo 'Warning: no configuration'; echo '{"terraform_version": "1.12.0-beta1"}'"""
    assert prerequisites.require_terraform(str(program(tmp_path, "tofu", says))) == "tofu 1.12.0"


def test_missing_commands_are_named_with_the_packages_that_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = {"awk", "flock", "setpriv"}
    for name in {name for names in prerequisites.COMMANDS.values() for name in names} - absent:
        program(tmp_path, name, "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatformError) as refusal:
        prerequisites.require_commands()
    assert str(refusal.value) == (
        "These commands were not found: awk, flock, setpriv. Install gawk, util-linux (Debian, Ubuntu: "
        "apt-get install gawk util-linux)."
    )


def test_a_python_without_virtual_environments_is_named_with_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PlatformError, match=r"cannot make virtual environments: .* python3-venv"):
        prerequisites.require_virtual_environments()


def make_up(checkout: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `make up` in a checkout that has nothing installed."""
    return subprocess.run(
        ["make", "up", *words],
        cwd=checkout,
        # Not the variables by which a make around the tests speaks to those below it.
        env={"PATH": os.environ["PATH"], "HOME": str(checkout), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def fresh_checkout(tmp_path: Path) -> Path:
    """A checkout whose bootstrap would fail, so that nothing is downloaded whatever happens."""
    checkout = tmp_path / "checkout"
    code = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        CHECKOUT / "scripts" / "music_platform", checkout / "scripts" / "music_platform", ignore=code
    )
    shutil.copy(CHECKOUT / "Makefile", checkout)
    (checkout / "requirements").mkdir()
    (checkout / "requirements" / "bootstrap.txt").write_text("nothing==0 --hash=sha256:0\n")
    return checkout


def test_a_start_says_what_the_machine_lacks_before_it_downloads_anything(fresh_checkout: Path) -> None:
    result = make_up(fresh_checkout, "TF=terraform-is-not-here", JAVA_HOME="/no/jdk")

    assert result.returncode != 0
    assert "This machine is not ready; nothing was downloaded." in result.stderr
    assert "terraform-is-not-here was not found" in result.stderr
    assert "JAVA_HOME (/no/jdk) holds no bin/java" in result.stderr
    assert not (fresh_checkout / "build").exists()
    assert not (fresh_checkout / ".venv").exists()


def test_a_start_asks_for_the_terraform_that_is_to_be_used(fresh_checkout: Path, tmp_path: Path) -> None:
    tofu = program(tmp_path / "bin", "tofu", """echo '{"terraform_version": "1.2.0"}'""")

    result = make_up(fresh_checkout, "TF=tofu", PATH=f"{tofu.parent}:{os.environ['PATH']}")

    assert result.returncode != 0
    assert "tofu has version 1.2.0; 1.9 or newer is needed" in result.stderr
    assert not (fresh_checkout / "build").exists()
