"""The platform that the tests of faults share."""

import pytest

from tests.faults import books
from tests.faults.books import Before
from tests.second_platform import SecondPlatform


@pytest.fixture
def before(platform: SecondPlatform) -> Before:
    """Where the test begins: all that went before is committed."""
    return books.begin(platform)


# With the most events at the end: every look at the books after them goes through them.
LAST = ("test_kills", "test_pressure")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the hundreds of thousands of events, and then the millions, to the end."""
    items.sort(key=lambda item: LAST.index(item.path.stem) + 1 if item.path.stem in LAST else 0)
