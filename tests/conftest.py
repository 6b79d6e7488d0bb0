"""What all tests may ask for."""

from collections.abc import Iterator

import pytest

from tests import second_platform
from tests.second_platform import SecondPlatform


@pytest.fixture(scope="session")
def platform() -> Iterator[SecondPlatform]:
    """A running platform for this test run alone, with no producer: tests send what they need."""
    with second_platform.start() as started:
        yield started
