"""Waiting says what it waits for before people begin to wonder."""

from types import SimpleNamespace

import pytest
from music_platform.console import waiting
from music_platform.console.progress import Progress


def test_a_wait_of_more_than_two_seconds_says_what_was_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SimpleNamespace(now=0.0)

    def pause(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=pause))

    waiting.wait_for(
        lambda: clock.now,
        lambda seen: seen > 2,
        limit_s=60,
        progress=Progress(),
        describe=lambda seen: f"{seen} s have passed",
    )

    assert capsys.readouterr().out.split() == ["2.0", "s", "have", "passed"]
