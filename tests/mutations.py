"""Values near a valid event: one thing changed, in every way that a broken or newer producer may."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from music_contract import schemas, wire

from tests.records import EVENT, KNOWN_SCHEMA, bare, playback

Event = dict[str, Any]
FIELDS = schemas.fields(EVENT)

# JSON values of every kind, as text: several are not what json.dumps would write.
_VALUES = [
    *("null", "true", "false", "nul", "True", "[]", "{}", "[1]", "[{}]", "'free'", "free"),
    *("0", "1", "-1", "-0", "1.0", "1e3", "1E2", "0.5", "-0.0", "01", "+1", ".5", "1.", "0x10", "1e400"),
    *("30000", "86400000", "86400001", "2147483648", "9223372036854775807", "9223372036854775808"),
    *("NaN", "Infinity", "-Infinity", "1" * 400, "1" * 2000, "1" * 5000, "-" + "9" * 30),
    *(
        '""',
        '" "',
        '"null"',
        '"true"',
        '"1"',
        '"30000"',
        '"premium "',
        '"PREMIUM"',
        '"import"',
        r'"import\n"',
    ),
    *('"user-1"', '"user-1 "', r'"user-1\n"', r'"user-1\r\n"', r'"user-1\u2028"', r'"user-1\u0085"'),
    *(r'"user\u002d1"', '"user-ä"', '"user-\uff11"', '"user-1}"', r'"user-1\u007d"', '"User-1"', '"user-"'),
    *('"user-' + "x" * 120 + '"', '"user-' + "x" * 121 + '"', r'"\ud800"', r'"user-\udc00"', r'"\u0000"'),
    *('{"home-page": "b"}', '{"home page": "b"}', '{"home-page": 1}', '{"home-page": null}'),
    *('{"home-page": true}', '{"home-page": {}}', '{"a": "b", "a": "c"}', '{"": "b"}', r'{"a\n": "b"}'),
    *("{" + ", ".join(f'"e{n}": "v"' for n in range(count)) + "}" for count in (64, 65)),
    "[" * 600 + "]" * 600,
]
_DAYS = (
    *("2026-02-31", "2026-02-29", "2024-02-29", "2026-00-10", "2026-13-10", "2026-11-00", "2026-11-31"),
    *("2026-1-2", "1970-01-01", "1969-12-31", "1582-10-10", "2099-12-31", "12026-11-23", "2026-11-24"),
)
_CLOCKS = (
    *("18:04:00.250Z", "24:00:00.000Z", "25:00:00.000Z", "23:59:60.000Z", "18:60:00.000Z", "18:04:00Z"),
    *("18:04:00.25Z", "18:04:00.250000Z", "18:04:00.250", "18:04:00.250z", "18:04:00.250+00:00"),
    *("18:04:00.250+01:00", "18:10:00.000Z", "18:10:00.001Z", "18:09:59.999Z", r"18:04:00.250Z\n"),
)
_TIMES = [
    *(f'"{day}T00:00:00.000Z"' for day in _DAYS),
    *(f'"2026-11-23T{clock}"' for clock in _CLOCKS),
    *('"2026-11-23"', '"now"', '"epoch"', '"1763921040250"', '"2026-11-23t18:04:00.250Z"'),
    *('"2026-11-23 18:04:00.250"', '" 2026-11-23T18:04:00.250Z"'),
]


def valid(chance: random.Random) -> Event:
    """A valid event with values from the whole of the contract."""
    letters = "abcXYZ019._:-"

    def identity(prefix: str) -> str:
        name = "".join(chance.choices(letters, k=chance.choice([1, 6, 12, 120])))
        return prefix + chance.choice("-_:") + name

    def moment() -> str:
        day = f"{chance.randint(1970, 2026):04d}-{chance.randint(1, 11):02d}-{chance.randint(1, 23):02d}"
        clock = f"{chance.randint(0, 17):02d}:{chance.randint(0, 59):02d}:{chance.randint(0, 59):02d}"
        return f"{day}T{clock}.{chance.randint(0, 999):03d}Z"

    event = playback(chance.getrandbits(48))
    for field, rule in FIELDS.items():
        if field.endswith("_id") and field != "event_id":
            event[field] = identity(field.removesuffix("_id"))
        elif rule.get("format") == "date-time":
            event[field] = moment()
        elif "enum" in rule:
            event[field] = chance.choice(rule["enum"])
        elif rule["type"] == "boolean":
            event[field] = chance.random() < 0.5
        elif rule["type"] == "integer":
            event[field] = chance.choice([rule["minimum"], rule["maximum"], chance.randint(1, 400_000)])
    if chance.random() < 0.5:
        event["source"] = chance.choice(["import", "smoke", "s", "a" + "0" * 31])
    if chance.random() < 0.2:
        event["experiments"] = {"home-page": "b", "x.y_z-1": "A"}
    return event


def with_json(event: Event, field: str, text: str) -> bytes:
    """The event's JSON, where a field has the given text for its value, whatever that is."""
    parts = [f'"{name}": {json.dumps(value)}' for name, value in event.items() if name != field]
    return "{{{}}}".format(", ".join([*parts, f'"{field}": {text}'])).encode("utf-8", "surrogatepass")


def field_mutations(event: Event) -> Iterator[bytes]:
    """Each field missing, twice, and with values of every kind."""
    for field, rule in FIELDS.items():
        yield bare({name: value for name, value in event.items() if name != field})
        whole = bare(event)
        for text in ("null", '"x"', json.dumps(event.get(field, "import"))):
            yield whole[:-1] + f', "{field}": {text}}}'.encode()
            yield f'{{"{field}": {text}, '.encode() + whole[1:]
        values = _VALUES + (_TIMES if rule.get("format") == "date-time" else _TIMES[:1])
        yield from (with_json(event, field, text) for text in values)


def document_mutations(event: Event) -> Iterator[bytes | None]:
    """The whole value changed: what stands before, behind and around the event, and how it is written."""
    whole = bare(event)
    text = whole.decode()
    yield from (
        None,
        b"",
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"true",
        b"42",
        b'"text"',
        b"{",
        b"}",
        b"\x00",
        b"\x00\x01",
    )
    yield from (b"\x00" * 5, b"\x00" * 6, b"\x01" + whole, b"\x00\x00\x00\x00" + whole, whole * 2)
    for behind in (
        "}",
        "}}",
        " }",
        "{}",
        " {}",
        "[]",
        ",",
        ", {}",
        "]",
        "x",
        " garbage }",
        "\x00",
        "\x00}",
        "\n",
        "\t \r\n",
    ):
        yield whole + behind.encode()
    for behind in ("\x0b", "\x0c", "\xa0", "\ufeff", "// }", "/* */", "/* } */", "#}", ";}", '"}', "'}'"):
        yield whole + behind.encode()
    for before in ("\ufeff", " ", "\n\t\r ", "\x0c", "\xa0", "[", "{}", "/* */", "//\n", "\x1e", "x", "\x00"):
        yield before.encode() + whole
    yield f"[{text}]".encode()
    yield f"[{text}],[{text}]".encode()
    yield f'{{"event": {text}}}'.encode()
    yield text.replace('"', "'").encode()
    yield text.replace('"user_id"', "user_id").encode()
    yield text.replace('"user_id"', "'user_id'").encode()
    yield text.replace('"user_id"', '"USER_ID"').encode()
    yield text.replace('"user_id"', r'"user\u005fid"').encode()
    yield text.replace('"user_id"', '"user_id "').encode()
    yield text.replace(":", "=").encode()
    yield text.replace(",", ",,", 1).encode()
    yield text.replace(",", ";").encode()
    yield text.replace(",", " ,\r\n\t").encode()
    yield text.replace(":", " \n: ").encode()
    yield (text[:-1] + ",}").encode()
    yield json.dumps(event, indent=4).encode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8-sig", "utf-7"):
        yield text.encode(encoding)
    for rubbish in (
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xc0\xaf",
        b"\x80",
        b"\x00",
        b"\n",
    ):
        yield whole.replace(b"premium", b"pre" + rubbish + b"mium")
        yield whole.replace(b"user-", b"user-" + rubbish)
        yield whole.replace(b"{", b"{" + rubbish, 1)
        yield whole[:-1] + rubbish + b"}"
        yield whole[:-1] + b', "note": "' + rubbish + b'"}'
        yield whole[:-1] + b', "' + rubbish + b'": 1}'
    for extra in (
        '"mood": "happy"',
        '"mood": null',
        '"": 1',
        '"deep": ' + "[" * 1500 + "]" * 1500,
        '"x": {"y": [{}]}',
    ):
        yield (text[:-1] + f", {extra}}}").encode()
        yield (f"{{{extra}, " + text[1:]).encode()
    for number in ("1" * 3000, "1" * 5000, "1e99999", "-", "NaN", "1_000"):
        yield (text[:-1] + f', "big": {number}}}').encode()
    yield (text[:-1] + ', "mood": 1, "mood": 2}').encode()
    yield (text[:-1] + ', "mood": "' + "é" * 70_000 + '"}').encode()
    yield whole + b" " * (65_536 - len(whole))
    yield whole + b" " * (65_537 - len(whole))
    yield b" " * (65_541 - len(whole)) + whole
    yield b" " * 300_000 + whole
    yield from (whole[:cut] for cut in range(1, len(whole), 37))


_SCRAPS: tuple[Callable[[random.Random], bytes], ...] = (
    lambda chance: bytes([chance.randrange(256)]),
    lambda chance: chance.choice(
        [b"}", b"{", b'"', b",", b":", b"'", b" ", b"\n", b"\\", b"[", b"]", b"0", b"-", b"."]
    ),
    lambda chance: chance.choice(
        [b"null", b"true", b"NaN", b"1e5", b'"', b'\\"', b"\\u0000", b"\xef\xbb\xbf"]
    ),
)


def random_mutation(event: Event, chance: random.Random) -> bytes:
    """The event with a few bytes put in, taken away or exchanged anywhere."""
    value = bytearray(bare(event))
    for _ in range(chance.choice([1, 1, 2, 3])):
        place = chance.choice([chance.randrange(len(value) + 1), len(value), len(value) - 1, 1])
        length = chance.choice([0, 0, 1, 1, 3])
        scrap = b"" if chance.random() < 0.2 else chance.choice(_SCRAPS)(chance)
        value[place : place + length] = scrap
    return bytes(value)


def all_kinds(seed: int, events: int, random_values: int) -> Iterator[bytes | None]:
    """Valid events, every mutation of one, and many random mutations: framed and bare."""
    chance = random.Random(seed)
    values: list[bytes | None] = [bare(valid(chance)) for _ in range(events)]
    values += document_mutations(playback())
    values += field_mutations(playback())
    values += (random_mutation(valid(chance), chance) for _ in range(random_values))
    for value in values:
        yield value
        if value is not None and chance.random() < 0.5:
            yield wire.frame(KNOWN_SCHEMA, value)
    for schema_id in (0, 2, 2**31, 2**32 - 1):
        yield wire.frame(schema_id, bare(playback()))
