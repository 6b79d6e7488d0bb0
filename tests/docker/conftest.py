"""A platform of containers for these tests alone, which begins small and grows when a test asks for more."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests import second_platform
from tests.docker import brokers, engine, growing, promises
from tests.docker.growing import Growth
from tests.second_platform import SecondPlatform

RATE = 200
# A position that a group of consumers notes while there is one broker.
COMMITTED = 7


@pytest.fixture(scope="session", autouse=True)
def running_engine() -> None:
    """A Docker engine; outside of continuous integration a machine without one skips these tests."""
    try:
        subprocess.run(["docker", "version"], capture_output=True, check=True, timeout=60)
    except (FileNotFoundError, subprocess.SubprocessError):
        sentence = "No Docker engine answers: install and start one (Debian: apt-get install docker.io)."
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)


@pytest.fixture(scope="session")
def platform(running_engine: None) -> Iterator[SecondPlatform]:
    """The platform, with one broker and one worker; destroying it must leave nothing in the engine."""
    with second_platform.start("docker", RATE=RATE, HISTORY=0, SUPERSET=1) as started:
        yield started
        engine.leave_behind(started.name, "postgres")
    assert engine.everything_of(started.name) == []


@pytest.fixture(scope="session")
def second_worker(platform: SecondPlatform) -> Growth:
    """From here on the platform has two workers; how it got the second."""
    return growing.grow(platform, "WORKERS=2")


@pytest.fixture(scope="session")
def three_brokers(platform: SecondPlatform) -> Growth:
    """From here on the platform has three brokers; how it got them."""
    brokers.commit(platform, COMMITTED)
    return growing.grow(platform, "BROKERS=3")


@pytest.fixture
def balanced(platform: SecondPlatform) -> Iterator[None]:
    """Check, when the test is over, that the books hold all that was promised meanwhile and before."""
    with promises.kept(platform):
        yield
    promises.check(platform)
