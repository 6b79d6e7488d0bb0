"""Damaged, hostile and foreign files: an entry is a listen or is counted, and nothing ends in a traceback."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from music_contract import schemas
from music_producer.cli import main
from music_producer.importing import files, text
from music_producer.importing.files import RefusedError

from tests.histories import SAMPLES, Imported, imported

FILES = sorted(
    path
    for path in SAMPLES.rglob("*")
    if path.suffix in (".json", ".jsonl", ".csv")
    and path.name not in ("Userdata.json", "user.json", "feedback.jsonl")
)
EXTENDED = SAMPLES / "spotify_extended" / "endsong_0.json"

Damage = Callable[[bytearray, random.Random], bytearray]


def truncate(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data) + 1)]


def flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def cut_out(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 200)]
    return data


def double(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 300)]
    return data[:start] + piece + data[start:]


def scatter(data: bytearray, chance: random.Random) -> bytearray:
    for sign in chance.choices([b"{", b"}", b'"', b"[", b",", b"\n", b"\x00", b"\xff", b"\\", b";"], k=5):
        at = chance.randrange(len(data))
        data[at:at] = sign
    return data


DAMAGES: list[Damage] = [truncate, flip_bits, cut_out, double, scatter]


def keeps_to_the_contract(read: Imported) -> None:
    for record in read.records:
        judged = schemas.read(schemas.SUBJECTS[record.topic], record.payload)
        assert not isinstance(judged, schemas.Rejection), (judged, record)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(FILES), damages=st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_a_damaged_file_is_read_as_far_as_it_can_be_or_refused(
    tmp_path: Path, path: Path, damages: list[Damage], seed: int
) -> None:
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    for damage in damages:
        data = damage(data, chance) or bytearray(b"x")
    damaged = tmp_path / path.name
    damaged.write_bytes(data)
    report = tmp_path / "report.txt"
    try:
        read = imported(damaged, report=report)
    except RefusedError as error:
        assert "Expected" in str(error)
    else:
        assert len(report.read_text("utf-8").splitlines()) == read.broken
        keeps_to_the_contract(read)


WRONG = [
    None,
    True,
    -1,
    1.5,
    10**400,
    "x",
    "",
    "@E",
    "1e9",
    [],
    {},
    {"a": [None]},
    "\x00",
    "\ud800",
    "9" * 5000,
]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from([path for path in FILES if path.suffix == ".json"]), data=st.data()
)  # fmt: skip
def test_a_field_of_the_wrong_type_costs_its_own_entry_at_most(
    tmp_path: Path, path: Path, data: st.DataObject
) -> None:
    entries: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    number = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(sorted(entries[number])))
    entries[number][field] = data.draw(st.sampled_from(WRONG))
    damaged = tmp_path / path.name
    damaged.write_text(_with_any_digits(entries), "utf-8")
    try:
        read = imported(damaged)
    except RefusedError:
        assert len(entries) == 1
        return
    assert len(read.listens) + read.broken == len(entries)
    assert read.broken <= 1
    keeps_to_the_contract(read)


def _with_any_digits(entries: list[dict[str, Any]]) -> str:
    return json.dumps(entries).replace(json.dumps("9" * 5000), "9" * 5000)


def test_a_missing_quote_costs_its_entry_and_is_reported_with_its_line(tmp_path: Path) -> None:
    path = SAMPLES / "spotify_extended" / "Streaming_History_Audio_2014-2023_0.json"
    lines = path.read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if "Harbour {Live}" in line)
    lines[at] = lines[at].replace('Live}"', "Live}")
    damaged, report = tmp_path / path.name, tmp_path / "report.txt"
    damaged.write_text("\n".join(lines), "utf-8")
    read = imported(damaged, report=report)
    assert (len(read.listens), read.broken) == (6, 1)
    assert read.reported[0].startswith(f"{damaged}:27: it is no JSON")


def test_every_broken_scrobble_is_named_with_its_line_and_reason(tmp_path: Path) -> None:
    damaged = tmp_path / "lastfm.csv"
    damaged.write_text(
        "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"
        "1393848000,,Nadja Vey,,,,Overture,\n"
        ",,Nadja Vey,,,,Now playing,\n"
        "0,,Nadja Vey,,,,Clock not set,\n"
        "1393848300,,Nadja Vey,,,,\n"
        '1393848300,,"Nadja Vey,,,,Unclosed,\n'
        "9999999999,,Nadja Vey,,,,Years ahead,\n"
        "1393848600,,,,,,Nobody,\n"
        "1393849000,,Nadja Vey,,,,Last,\n",
        "utf-8",
    )
    read = imported(damaged, report=tmp_path / "report.txt")
    assert len(read.listens) == 2
    assert [line.removeprefix(f"{damaged}:") for line in read.reported] == [
        "3: it has no time (a song that is playing now has none)",
        "4: the time lies before October 2002, when nothing recorded listens yet",
        "5: it has 7 columns where 8 belong",
        "6: the line is no CSV: unexpected end of data",
        "7: it ends in the future",
        "8: artist or track is missing",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("holiday.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
        ("letter.txt", b"Dear Sir or Madam,\n\nyours\n"),
        ("table.csv", b"a,b,c\n1,2,3\n"),
        ("other.json", b'{"name": "x"}'),
        ("empty.json", b""),
        ("no-entry.json", b"[]"),
        ("broken.zip", b"PK\x03\x04 and no more"),
    ],
)
def test_a_file_that_is_no_history_is_refused_with_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    words = ["--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1"]
    assert main(["import", str(path), *words]) == 2
    told = capsys.readouterr().err
    print(told)
    assert str(path) in told
    assert "Spotify's extended streaming history" in told
    assert "Traceback" not in told


def test_a_path_that_is_not_there_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="No such file"):
        files.find([tmp_path / "nowhere"])
    with pytest.raises(RefusedError, match="holds no file of listens"):
        files.find([tmp_path])


def test_a_zip_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("Streaming_History_Audio_0.json", b" " * (32 << 20))
    with pytest.raises(RefusedError, match="that is no export"):
        files.find([path])


def test_odd_names_in_a_zip_write_nothing_and_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (
            "../../endsong_0.json",
            "/etc/endsong_1.json",
            "endsong_\x1b[31m2.json",
            "__MACOSX/._endsong_3.json",
        ):
            archive.writestr(name, EXTENDED.read_bytes())
    found = files.find([path])
    assert len(found) == 3
    assert not any("\x1b" in file.name for file in found)
    assert imported(path).ids == imported(EXTENDED).ids
    assert [entry.name for entry in tmp_path.iterdir()] == ["odd.zip"]


def test_a_damaged_member_of_a_zip_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "my_spotify_data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("endsong_0.json", EXTENDED.read_bytes())
        archive.writestr("endsong_1.json", EXTENDED.read_bytes())
    data = bytearray(path.read_bytes())
    at = data.index(b"Overture")
    data[at : at + 8] = b"Undertow"
    path.write_bytes(data)
    read = imported(path, report=tmp_path / "report.txt")
    assert (len(read.listens), read.broken) == (3, 1)
    assert any("cannot be read: Bad CRC-32" in line for line in read.reported)


def test_a_file_that_only_looks_like_a_history_by_its_name_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "endsong_0.json").write_bytes(EXTENDED.read_bytes())
    (tmp_path / "endsong_1.json").write_text('{"no": "history"}')
    (tmp_path / "Streaming_History_Video_2020.json").write_text("[]")
    read = imported(tmp_path)
    assert (len(read.listens), read.broken) == (3, 1)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    for path in FILES:
        marked = tmp_path / path.name
        marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        assert imported(marked).ids == imported(path).ids, path.name


def test_a_large_file_is_read_in_pieces_that_break_anywhere() -> None:
    entry = '{"name": "a } b { \\" c", "n": [1, {"x": "é"}]}'
    whole = ("[" + ",\n".join([entry] * 50) + "]").encode()
    for size in range(1, 120):
        pieces = [
            whole[at : at + size].decode("utf-8", "surrogateescape") for at in range(0, len(whole), size)
        ]
        # Of bytes cut within a character: as chunks() decodes them.
        pieces = list(text.chunks(_InPieces(whole, size), lambda _: None))
        found = list(text.objects(iter(pieces)))
        assert [piece.line for piece in found] == list(range(1, 51))
        assert all(piece.value == json.loads(entry) for piece in found)


class _InPieces(io.BytesIO):
    """A file that gives fewer bytes than it is asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(self._size)


def test_a_line_without_end_is_passed_over_in_little_memory() -> None:
    endless = ("x" * 100_000 for _ in range(100))
    found = list(text.lines(iter([*endless, "\nlast,line\n"])))
    assert [(piece.line, piece.value) for piece in found] == [(1, None), (2, "last,line")]
