"""The platform that the tests of faults share."""

import pytest

from tests.faults import books
from tests.faults.books import Before
from tests.second_platform import SecondPlatform


@pytest.fixture
def before(platform: SecondPlatform) -> Before:
    """Where the test begins: all that went before is committed."""
    return books.begin(platform)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the millions of events to the end: every look at the books after them goes through them."""
    items.sort(key=lambda item: item.path.stem == "test_pressure")
