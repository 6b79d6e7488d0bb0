"""When the stream counts as behind."""

import pytest
from music_spark.batches import backlog
from music_spark.batches.backlog import Backlog


def test_it_is_behind_from_a_large_batch_until_a_small_one() -> None:
    stream = Backlog(100)
    assert not stream.is_behind
    stream.taken(99)
    assert not stream.is_behind
    stream.taken(100)
    assert stream.is_behind
    stream.ended()
    assert stream.is_behind
    stream.taken(0)
    assert not stream.is_behind


def test_it_is_not_behind_when_nothing_follows_a_large_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_STILL_S", 0.0)
    stream = Backlog(100)
    stream.taken(100)
    assert stream.is_behind
    stream.ended()
    assert not stream.is_behind
