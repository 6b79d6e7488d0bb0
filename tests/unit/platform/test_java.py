"""The JDK that is installed where it is missing, with an apt-get that only writes down what it is told."""

from pathlib import Path

import pytest
from music_platform.errors import PlatformError
from music_platform.hosts import java

from tests.stand_ins import program


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs of Debian on a PATH without Java; each writes its words to a file."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    program(tmp_path / "bin", "apt-get", f'echo "$@" >>{tmp_path}/told')
    return tmp_path


def offer(apt: Path, *packages: str) -> None:
    """Let this release of Debian have some packages."""
    cases = "".join(f"{package}) echo '{package} | 1 | http://deb.debian.org' ;; " for package in packages)
    program(apt / "bin", "apt-cache", f'case "$2" in {cases} esac')


def test_the_first_known_package_that_the_release_offers_is_installed(apt: Path) -> None:
    offer(apt, "openjdk-17-jre-headless", "openjdk-25-jre-headless")

    assert java.install() == "openjdk-17-jre-headless"

    assert (apt / "told").read_text().splitlines() == [
        "update -qq",
        "install -y -qq --no-install-recommends openjdk-17-jre-headless",
    ]


def test_a_release_that_offers_no_known_package_is_a_sentence(apt: Path) -> None:
    offer(apt)
    with pytest.raises(PlatformError, match=r"apt-get offers none of openjdk-21.*\. Install a JDK"):
        java.install()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo 'E: no network' >&2; exit 100", r"`apt-get update -qq` failed: E: no network\. Install a JDK"),
        ("exit 1", r"`apt-get update -qq` failed: it did not say why\."),
        ('test "$1" = update || exit 100', r"`apt-get install .* openjdk-21-jre-headless` failed"),
    ],
)
def test_an_apt_get_that_fails_is_a_sentence_with_its_last_word(
    apt: Path, script: str, sentence: str
) -> None:
    offer(apt, "openjdk-21-jre-headless")
    program(apt / "bin", "apt-get", script)
    with pytest.raises(PlatformError, match=sentence):
        java.install()


def test_a_jdk_is_installed_unasked_only_by_root_with_apt_get_and_no_java_home(
    apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert java.can_be_installed()
    with monkeypatch.context() as other:
        other.setattr("os.geteuid", lambda: 1000)
        assert not java.can_be_installed()
    with monkeypatch.context() as other:
        other.setenv("JAVA_HOME", "/opt/jdk")
        assert not java.can_be_installed()
    (apt / "bin" / "apt-get").unlink()
    assert not java.can_be_installed()
