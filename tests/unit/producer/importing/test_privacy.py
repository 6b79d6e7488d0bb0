"""What is private in an export stays in its file."""

import logging
import re
from pathlib import Path

import pytest
from music_producer.importing import files

from tests.histories import SAMPLES, imported

# Addresses, agents, names and ids of the samples; the parts of an address too.
PRIVATE = re.compile(
    rb"203\.0\.113|198\.51\.100|2001:db8|Sample-Agent|sample-username|sample@example|1990-01-01"
    rb"|GT-I9195|iPhone10|chrome|API 17|inserted_at|msid|mbid|00000000-0000-4000",
    re.IGNORECASE,
)


def test_the_samples_hold_what_must_not_leave_them() -> None:
    held = b"".join(path.read_bytes() for path in SAMPLES.rglob("*.*") if path.suffix != ".md")
    for sign in (b"203.0.113.9", b"2001:db8::17", b"Sample-Agent", b"sample-username", b"GT-I9195", b"mbid"):
        assert sign in held
        assert PRIVATE.search(sign)


@pytest.mark.parametrize("folder", ["spotify_extended", "spotify_account", "lastfm", "listenbrainz"])
def test_no_record_holds_an_address_an_agent_or_a_user_name(folder: str) -> None:
    for record in imported(SAMPLES / folder).records:
        assert not PRIVATE.search(record.payload), record
        assert not PRIVATE.search(record.key), record


def test_no_message_shows_them_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "Streaming_History_Audio_2020.json"
    good = (SAMPLES / "spotify_extended" / "endsong_0.json").read_text("utf-8")
    entry = '{"ts": "203.0.113.9", "ms_played": "sample-username", "ip_addr": "203.0.113.9"}'
    broken.write_text(good.replace("[", f"[{entry}, {entry[:-10]}, ", 1), "utf-8")
    with caplog.at_level(logging.INFO):
        read = imported(broken, report=tmp_path / "report.txt")
    told = caplog.text + "".join(capsys.readouterr()) + "\n".join(read.reported)
    print(told)
    assert read.broken == 2
    assert not PRIVATE.search(told.encode())


def test_files_that_hold_no_listens_are_never_opened(tmp_path: Path) -> None:
    for path in (SAMPLES / "spotify_account").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = [file.path.name for file in files.find([tmp_path])]
    assert found == ["StreamingHistory_music_0.json", "StreamingHistory_podcast_0.json"]
