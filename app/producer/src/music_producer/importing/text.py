"""A file's bytes as text, JSON objects and lines: read as it goes, and past whatever is damaged.

A general JSON parser stops at the first fault. These go on behind it, so that a flipped bit costs one entry
and not the file.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

_CHUNK_BYTES = 1 << 17

LONGEST_ENTRY = 65_536
"""Characters of the longest entry that is read; real ones have a hundredth of it."""


class Piece(NamedTuple):
    """An object or a line of a file, or why there is none here."""

    line: int
    """On which line of the file it begins, from 1."""
    value: Any
    """None when it is broken."""
    fault: str = ""


def chunks(file: BinaryIO, count: Callable[[int], object]) -> Iterator[str]:
    """Yield the file's text; bytes that are no UTF-8 stay visible as lone surrogates. `count` hears of each
    chunk's bytes.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    first = True
    while data := file.read(_CHUNK_BYTES):
        text = decoder.decode(data)
        yield text.removeprefix("\ufeff") if first else text
        first = False
        count(len(data))
    if rest := decoder.decode(b"", final=True):
        yield rest


def objects(
    text: Iterator[str], is_entry: Callable[[Mapping[str, Any]], bool] = lambda _: True
) -> Iterator[Piece]:
    """Yield the JSON objects of an array, or of lines: each of the outermost ones.

    What stands between them and is neither a comma nor a bracket is reported as broken. Behind a broken
    object the next one for which `is_entry` holds is looked for: others are parts of the broken one.
    """
    parse = json.JSONDecoder().raw_decode
    window, at, line = "", 0, 1
    exhausted = recovering = False
    while True:
        while not exhausted and len(window) - at < LONGEST_ENTRY:
            chunk = next(text, None)
            exhausted = chunk is None
            window, at = window[at:] + (chunk or ""), 0
        start = window.find("{", at)
        end = len(window) if start < 0 else start
        if not recovering and window[at:end].strip(" \t\r\n,[]"):
            yield Piece(line, None, "there is something between the entries that is none")
        line += window.count("\n", at, end)
        at = end
        if start < 0:
            if exhausted:
                return
            continue
        try:
            value, end = parse(window, start)
        except (ValueError, RecursionError) as error:
            if not recovering:
                yield Piece(line, None, _fault(error))
            recovering, at = True, start + 1
            continue
        if not recovering or is_entry(value):
            recovering = False
            yield Piece(line, value)
        line += window.count("\n", start, end)
        at = end


def lines(text: Iterator[str]) -> Iterator[Piece]:
    """Yield the lines that are not empty, without their ends."""
    rest, number = "", 0
    too_long = False
    for chunk in text:
        *whole, rest = (rest + chunk).split("\n")
        for line in whole:
            number += 1
            if too_long:
                too_long = False
            else:
                yield from _line(number, line)
        if len(rest) > LONGEST_ENTRY:
            if not too_long:
                yield Piece(number + 1, None, f"the line is longer than {LONGEST_ENTRY} characters")
            too_long, rest = True, ""
    if not too_long:
        yield from _line(number + 1, rest)


def _line(number: int, line: str) -> Iterator[Piece]:
    line = line.rstrip("\r")
    if len(line) > LONGEST_ENTRY:
        yield Piece(number, None, f"the line is longer than {LONGEST_ENTRY} characters")
    elif line.strip():
        yield Piece(number, line)


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON: {error.msg}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it is no JSON: a number has too many digits"
