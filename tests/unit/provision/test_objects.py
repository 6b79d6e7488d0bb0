"""Views and functions that are made from files: which comes first."""

from pathlib import Path

import objects
import pytest

CHECKOUT = Path(__file__).parents[3]


def test_an_object_comes_after_those_that_it_mentions() -> None:
    definitions = {
        "analytics.a": "CREATE VIEW analytics.a AS SELECT * FROM analytics.b",
        "analytics.b": "CREATE VIEW analytics.b AS SELECT rollup.c(1) FROM rollup.some_table",
        "rollup.c": "-- For analytics.a.\nCREATE FUNCTION rollup.c(n int) RETURNS int RETURN n",
    }

    assert objects.in_order(definitions) == ["rollup.c", "analytics.b", "analytics.a"]


def test_objects_that_need_each_other_are_named() -> None:
    with pytest.raises(SystemExit, match=r"these need each other: analytics\.\w -> analytics\.\w"):
        objects.in_order({"analytics.a": "analytics.b", "analytics.b": "analytics.a"})


def test_every_file_makes_the_object_that_it_is_named_for() -> None:
    definitions = objects.read(CHECKOUT / "sql")

    assert len(definitions) > 30
    assert {objects.kind_of(name, text) for name, text in definitions.items()} == {"VIEW", "FUNCTION"}


def test_a_file_that_makes_something_else_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"the file of analytics\.a has to make it"):
        objects.kind_of("analytics.a", "CREATE VIEW analytics.ab AS SELECT 1")
