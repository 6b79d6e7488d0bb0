"""Which format a file has, and its listens: one way of reading for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from music_producer.importing import lastfm_csv, listenbrainz, spotify_account, spotify_extended, text
from music_producer.importing.files import HistoryFile, RefusedError, Unreadable
from music_producer.importing.listen import BrokenEntry, Listen

_PROBED_CHARACTERS = 1 << 18
_PROBED_ENTRIES = 100

_JSON_FORMATS = (spotify_extended, spotify_account, listenbrainz)
EXPECTED = "Expected is one of: " + "; ".join(reader.EXPECTED for reader in (*_JSON_FORMATS, lastfm_csv))


class Broken(NamedTuple):
    """Something in a file that no listen can be made of."""

    line: int
    """Line of the file on which it begins, from 1."""
    reason: str


class _PassedOver(NamedTuple):
    """An entry that is not to be imported, by the listener's own wish."""


PASSED_OVER = _PassedOver()

Outcome = Listen | Broken | _PassedOver


@dataclass(frozen=True)
class Format:
    """How a file is read."""

    name: str
    read: Callable[[Iterator[str]], Iterator[Outcome]]
    """Takes the file's text."""


def detect(file: HistoryFile, now_ms: int, *, leave_out_private_sessions: bool) -> Format | None:
    """Find out a file's format from its first entries; None for a file that is empty.

    RefusedError when it is none that is known, or cannot be read at all.
    """
    try:
        with file.open() as opened:
            head = "".join(islice(text.chunks(opened, lambda _: None), 1))[:_PROBED_CHARACTERS]
    except Unreadable as error:
        raise RefusedError(f"{file.name} cannot be read: {_plainly(error)}.") from None
    start = head.lstrip()
    if not start or not start.strip("[] \t\r\n"):
        return None
    found = (
        _json_format(head, now_ms, leave_out_private_sessions)
        if start[0] in "[{"
        else _csv_format(head, now_ms)
    )
    if found is None:
        raise RefusedError(f"{file.name} is no history that can be read. {EXPECTED}.")
    return found


def listens(file: HistoryFile, known: Format, count: Callable[[int], object]) -> Iterator[Outcome]:
    """Yield what each entry of a file is; `count` hears how many bytes were read."""
    try:
        with file.open() as opened:
            yield from known.read(text.chunks(opened, count))
    except Unreadable as error:
        yield Broken(0, f"the rest of the file cannot be read: {_plainly(error)}")


def _json_format(head: str, now_ms: int, leave_out_private_sessions: bool) -> Format | None:
    for piece in islice(text.objects(iter([head])), _PROBED_ENTRIES):
        for reader in _JSON_FORMATS:
            if isinstance(piece.value, dict) and reader.recognises(piece.value):
                is_hidden = (
                    spotify_extended.is_private_session
                    if leave_out_private_sessions and reader is spotify_extended
                    else _never
                )
                read = partial(_read_json, reader.recognises, reader.listen, is_hidden, now_ms)
                return Format(reader.__name__.rpartition(".")[2], read)
    return None


def _csv_format(head: str, now_ms: int) -> Format | None:
    for piece in islice(text.lines(iter([head])), _PROBED_ENTRIES):
        if piece.value is None:
            continue
        if found := lastfm_csv.header(piece.value) or lastfm_csv.shape(piece.value, now_ms):
            return Format("lastfm_csv", partial(_read_csv, *found, now_ms))
    return None


def _read_json(
    recognises: Callable[[Mapping[str, Any]], bool],
    read: Callable[[Mapping[str, Any], int], Listen],
    is_hidden: Callable[[Mapping[str, Any]], bool],
    now_ms: int,
    characters: Iterator[str],
) -> Iterator[Outcome]:
    for piece in text.objects(characters, recognises):
        if piece.value is None:
            yield Broken(piece.line, piece.fault)
            continue
        try:
            yield PASSED_OVER if is_hidden(piece.value) else read(piece.value, now_ms)
        except BrokenEntry as error:
            yield Broken(piece.line, str(error))


def _read_csv(
    separator: str, columns: lastfm_csv.Columns, now_ms: int, characters: Iterable[str]
) -> Iterator[Outcome]:
    for piece in text.lines(iter(characters)):
        if piece.value is None:
            yield Broken(piece.line, piece.fault)
        elif lastfm_csv.header(piece.value) is None:
            try:
                row = lastfm_csv.cells(piece.value, separator)
                yield lastfm_csv.listen(lastfm_csv.entry(row, columns), now_ms)
            except BrokenEntry as error:
                yield Broken(piece.line, str(error))


def _never(_: Mapping[str, Any]) -> bool:
    return False


def _plainly(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
