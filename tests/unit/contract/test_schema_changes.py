"""A breaking change is told in words."""

from music_contract.publish.schema_changes import breaking_changes

EARLIER = {
    "additionalProperties": False,
    "required": ["name"],
    "properties": {"name": {"type": "string", "description": "x"}, "age": {"type": "integer"}},
}


def later(**changes: object) -> dict[str, object]:
    return {**EARLIER, **changes}


def test_an_added_optional_field_and_a_new_description_break_nothing() -> None:
    properties = {
        **EARLIER["properties"],
        "name": {"type": "string", "description": "y"},
        "new": {"type": "string"},
    }  # type: ignore[dict-item]
    assert breaking_changes(EARLIER, later(properties=properties)) == []


def test_a_removed_field_is_named() -> None:
    assert breaking_changes(EARLIER, later(properties={"name": {"type": "string"}})) == [
        "age is no longer there"
    ]


def test_a_field_that_becomes_required_is_named() -> None:
    assert breaking_changes(EARLIER, later(required=["name", "age", "new"])) == [
        "age is now required",
        "new is new and required",
    ]


def test_a_changed_rule_is_shown_before_and_after() -> None:
    properties = {"name": {"type": "integer"}, "age": {"type": "integer", "maximum": 9}}
    assert breaking_changes(EARLIER, later(properties=properties)) == [
        "age: maximum none -> 9",
        'name: type "string" -> "integer"',
    ]
