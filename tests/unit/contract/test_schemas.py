"""The judgement of a record agrees with JSON Schema, and names its reason."""

import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music_contract import rules, schemas, times, topics
from music_contract.rules import Reason

from tests import records

NOW = datetime(2026, 11, 23, 18, 5, tzinfo=UTC)

EVENT = records.playback(experiments={"home-page": "b"})


def reason_of(**changes: object) -> Reason | None:
    rejection = schemas.validate("stream-event", {**EVENT, **changes}, now=NOW)
    print(rejection)
    return rejection and rejection.reason


def test_a_good_event_is_valid() -> None:
    assert schemas.validate("stream-event", EVENT, now=NOW) is None


@pytest.mark.parametrize("field", list(EVENT))
def test_every_missing_field_is_named(field: str) -> None:
    record = {name: value for name, value in EVENT.items() if name != field}
    rejection = schemas.validate("stream-event", record)
    assert rejection is not None
    assert rejection.reason == Reason.MISSING_FIELD
    assert rejection.sentence.startswith(field)


@pytest.mark.parametrize("field", list(EVENT))
@pytest.mark.parametrize("value", [None, [], 1.5])
def test_a_value_of_the_wrong_type_is_named(field: str, value: object) -> None:
    rejection = schemas.validate("stream-event", {**EVENT, field: value})
    assert rejection is not None
    assert rejection.reason == Reason.WRONG_TYPE
    assert rejection.sentence.startswith(field)


def test_true_is_no_integer_and_one_is_no_boolean() -> None:
    assert reason_of(ms_played=True) == Reason.WRONG_TYPE
    assert reason_of(skipped=1) == Reason.WRONG_TYPE


@pytest.mark.parametrize("number", ["1", "true", "12.5", "null", "-1"])
def test_a_number_turned_to_text_is_no_id(number: str) -> None:
    assert reason_of(user_id=number) == Reason.BAD_VALUE


@pytest.mark.parametrize(
    "moment",
    [
        "2026-02-30T10:00:00.000Z",
        "2026-11-23T18:04:00Z",
        "2026-11-23T18:04:00.250+00:00",
        "2026-11-23 18:04:00.250Z",
        "2026-11-23T24:04:00.250Z",
        "2026-11-23T18:04:00.250Z\n",
        "1816-11-23T18:04:00.250Z",
    ],
)
def test_a_moment_in_another_notation_is_a_bad_value(moment: str) -> None:
    assert reason_of(started_at=moment) == Reason.BAD_VALUE


def test_a_line_end_after_an_id_is_a_bad_value() -> None:
    assert reason_of(user_id="user-1") is None
    assert reason_of(user_id="user-1\n") == Reason.BAD_VALUE


def test_a_uuid_of_another_version_is_a_bad_value() -> None:
    assert reason_of(event_id="01937000-0000-4000-8000-000000000001") == Reason.BAD_VALUE


def test_ms_played_out_of_range_has_reasons_of_its_own() -> None:
    assert reason_of(ms_played=-1) == Reason.NEGATIVE_MS_PLAYED
    assert reason_of(ms_played=rules.MAX_MS_PLAYED + 1) == Reason.ABSURD_MS_PLAYED
    assert reason_of(ms_played=10**30) == Reason.ABSURD_MS_PLAYED
    assert reason_of(ms_played=rules.MAX_MS_PLAYED) is None


def test_five_minutes_ahead_is_allowed_and_a_millisecond_more_is_not() -> None:
    limit = times.epoch_ms(NOW + timedelta(minutes=5))
    assert reason_of(event_time=times.to_text(limit)) is None
    assert reason_of(event_time=times.to_text(limit + 1)) == Reason.FUTURE_TIME


@pytest.mark.parametrize("field", ["user_id", "song_id", "session_id"])
def test_an_id_may_be_as_long_as_an_index_of_two_of_them_takes(field: str) -> None:
    assert reason_of(**{field: "a" * (rules.MAX_ID_LENGTH - 2) + "-1"}) is None
    assert reason_of(**{field: "a" * (rules.MAX_ID_LENGTH - 1) + "-1"}) == Reason.BAD_VALUE


def test_the_state_of_a_dimension_may_not_be_of_the_future_either() -> None:
    limit = times.epoch_ms(NOW + timedelta(minutes=5))
    at_the_limit = {**records.artist(), "updated_at": times.to_text(limit)}
    beyond = {**records.artist(), "updated_at": times.to_text(limit + 1)}
    assert schemas.validate("artist", at_the_limit, now=NOW) is None
    rejection = schemas.validate("artist", beyond, now=NOW)
    assert rejection is not None
    assert rejection.reason == Reason.FUTURE_TIME
    assert "updated_at" in rejection


def test_an_unknown_field_is_no_fault_but_is_counted() -> None:
    record = {**EVENT, "mood": "calm"}
    assert schemas.validate("stream-event", record) is None
    assert schemas.unknown_fields("stream-event", record) == ["mood"]


def test_an_experiment_whose_variant_is_no_text_is_named() -> None:
    rejection = schemas.validate("stream-event", {**EVENT, "experiments": {"home-page": 1}})
    assert rejection == "wrong_type: experiments.home-page must be text, not 1"


def test_text_that_a_database_cannot_hold_is_a_bad_value() -> None:
    song = {
        "song_id": "song-1", "title": "T", "artist_id": "artist-1", "album_id": "album-1", "genre": "pop",
        "duration_ms": 1, "track_number": 1, "release_date": "2020-01-01", "explicit": False,
        "updated_at": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    assert schemas.validate("song", song) is None
    for title in ("a\u0000b", "\ud800", "", "x" * 301):
        rejection = schemas.validate("song", {**song, "title": title})
        assert rejection is not None
        assert rejection.reason == Reason.BAD_VALUE
        assert str(rejection).isascii()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, Reason.EMPTY),
        (b"", Reason.EMPTY),
        (b"hello", Reason.NOT_JSON),
        (b"\xff\xfe", Reason.NOT_JSON),
        (b"{} {}", Reason.NOT_JSON),
        (b'{"a": NaN}', Reason.NOT_JSON),
        (b"[" * 50_000, Reason.NOT_JSON),
        (b"[1]", Reason.WRONG_TYPE),
        (b"{}", Reason.MISSING_FIELD),
        (b" " * (rules.MAX_VALUE_BYTES + 1), Reason.TOO_LARGE),
    ],
)
def test_bytes_that_hold_no_record_have_a_reason(payload: bytes | None, reason: Reason) -> None:
    answer = schemas.read("stream-event", payload)
    assert isinstance(answer, schemas.Rejection)
    assert answer.reason == reason


def test_bytes_that_hold_a_record_give_it() -> None:
    assert schemas.read("stream-event", json.dumps(EVENT).encode(), now=NOW) == EVENT


def test_an_unknown_schema_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(KeyError, match="stream-event"):
        schemas.load("playlist")


@pytest.mark.parametrize("name", list(schemas.SUBJECTS.values()))
def test_every_schema_is_closed_draft_07_and_explains_each_field(name: str) -> None:
    document = schemas.load(name)
    jsonschema.Draft7Validator.check_schema(document)
    assert document["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert document["additionalProperties"] is False
    assert all(rule["description"] for rule in document["properties"].values())


def test_the_limits_in_code_and_schema_are_the_same() -> None:
    assert schemas.fields("stream-event")["ms_played"]["maximum"] == rules.MAX_MS_PLAYED


def test_every_keyed_topic_has_its_key_among_the_required_fields() -> None:
    for topic in topics.TOPICS.values():
        if topic.schema:
            assert topic.key in schemas.load(topic.schema)["required"]


# A few strange values for each field, beside good ones: the general validator must agree about all of them.
SHORT_TEXT = st.text("ab1-:. \n\x00é", max_size=5)
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.integers(), SHORT_TEXT, st.just({}),
    st.dictionaries(SHORT_TEXT, SHORT_TEXT, max_size=2),
    st.sampled_from(["user-1", "2026-02-30T10:00:00.000Z", "trackdone", "free", 86_400_001, [], "a\n"]),
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(list(EVENT)), STRANGE, max_size=3),
    st.sets(st.sampled_from(list(EVENT)), max_size=1),
)
def test_the_judgement_agrees_with_a_general_validator(changes: dict[str, object], dropped: set[str]) -> None:
    record = {name: value for name, value in {**EVENT, **changes}.items() if name not in dropped}
    general = jsonschema.Draft7Validator(
        schemas.load("stream-event"), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    )
    # The general one takes "$" as "before a last newline", and knows no calendar without further packages.
    known_gap = any(
        isinstance(value, str) and (value.endswith("\n") or "02-30" in value) for value in record.values()
    )
    ours = schemas.validate("stream-event", record) is None
    if not known_gap:
        assert ours == general.is_valid(record)


@pytest.mark.parametrize("name", list(schemas.SUBJECTS.values()))
def test_an_earlier_version_allows_nothing_that_the_present_one_refuses(name: str) -> None:
    present = schemas.load(name)
    for text in schemas.earlier_texts(name):
        earlier = json.loads(text)
        assert set(earlier["properties"]) <= set(present["properties"])
        assert set(present["required"]) <= set(earlier["required"])
        for field, rule in earlier["properties"].items():
            assert set(rule.get("enum", ())) <= set(present["properties"][field].get("enum", ()))


def test_the_event_schema_has_an_earlier_version_that_older_producers_write() -> None:
    assert len(schemas.earlier_texts("stream-event")) >= 1
