"""The files of an export: given one by one, in a folder, or in the zip as downloaded.

In a folder or a zip only the files that hold listens are opened, known by their names; account, payment and
playlist files stay closed. Nothing of a zip is ever written to disk.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

_HOLDS_LISTENS = re.compile(
    r"(^|/)((streaming_?history|endsong)[^/]*\.json|listens/(.*/)?[^/]*\.jsonl?"
    r"|[^/]*(scrobbles|recenttracks|lastfm|last\.fm)[^/]*\.csv)$",
    re.IGNORECASE,
)
_LARGEST_MEMBER_BYTES = 8 << 30
_LARGEST_RATIO = 300
"""Exports shrink to a twentieth; DEFLATE at its utmost to a thousandth."""
_HARMLESS_BYTES = 16 << 20

Unreadable = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""What reading a damaged or locked archive raises."""


class RefusedError(Exception):
    """What was given is no history; the text says what was expected."""


@dataclass(frozen=True)
class HistoryFile:
    """A file with listens, on disk or in a zip."""

    path: Path
    member: str | None
    size: int
    """Bytes to read."""
    modified: int
    """When the file on disk changed last, in nanoseconds."""
    is_named: bool = False
    """Whether the person named this very file."""

    @property
    def name(self) -> str:
        """How people find it; fit to print whatever the zip calls it."""
        inside = "" if self.member is None else f":{self.member}"
        return f"{self.path}{inside}".encode("utf-8", "backslashreplace").decode().translate(_UNPRINTABLE)

    @property
    def export(self) -> str:
        """What belongs to one export: a zip, a CSV, or the other files of a folder."""
        is_whole = self.member is not None or self.path.suffix.lower() == ".csv"
        return str(self.path if is_whole else self.path.parent)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it for reading from its beginning."""
        if self.member is None:
            with self.path.open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as inside:
                yield cast(BinaryIO, inside)


_UNPRINTABLE = dict.fromkeys((*range(32), 127), "?")


def find(paths: Iterable[Path]) -> list[HistoryFile]:
    """Return the files with listens in the order in which they were written; RefusedError for none."""
    found: dict[tuple[Path, str | None], HistoryFile] = {}
    for path in paths:
        for file in _in(path):
            found.setdefault((file.path.resolve(), file.member), file)
    return list(found.values())


def _in(path: Path) -> list[HistoryFile]:
    try:
        if path.is_dir():
            files = list(_in_folder(path))
        elif zipfile.is_zipfile(path):
            files = _in_zip(path)
        else:
            return [replace(_on_disk(path), is_named=True)]
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not files:
        raise RefusedError(f"{path} holds no file of listens. {EXPECTED_NAMES}")
    return files


EXPECTED_NAMES = (
    "Expected are Spotify's Streaming_History_Audio_*.json, endsong_*.json or StreamingHistory*.json, "
    "ListenBrainz's listens/YYYY/M.jsonl, or a CSV of scrobbles whose name says scrobbles or lastfm."
)


def _in_folder(path: Path) -> Iterator[HistoryFile]:
    inside = (file for file in path.rglob("*") if file.is_file())
    for file in sorted(inside, key=lambda file: _order(str(file))):
        if file.suffix.lower() == ".zip":
            # An export of its own.
            yield from _in_zip(file)
        elif _holds_listens(file.relative_to(path).as_posix()):
            yield _on_disk(file)


def _in_zip(path: Path) -> list[HistoryFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _holds_listens(member.filename)]
    except Unreadable as error:
        raise RefusedError(f"{path} is no zip that can be read: {error}.") from None
    for member in members:
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > _LARGEST_MEMBER_BYTES or (
            member.file_size > _HARMLESS_BYTES and ratio > _LARGEST_RATIO
        ):
            raise RefusedError(
                f"{path} claims to hold a file of {member.file_size} bytes in {member.compress_size}: "
                "that is no export."
            )
    modified = path.stat().st_mtime_ns
    return [
        HistoryFile(path, member.filename, member.file_size, modified)
        for member in sorted(members, key=lambda member: _order(member.filename))
    ]


def _on_disk(path: Path) -> HistoryFile:
    status = path.stat()
    return HistoryFile(path, None, status.st_size, status.st_mtime_ns)


def _holds_listens(name: str) -> bool:
    # What macOS adds to a zip.
    name = name.replace("\\", "/")
    hidden = PurePosixPath(name).name.startswith(".") or name.startswith("__MACOSX/")
    return not hidden and _HOLDS_LISTENS.search(name) is not None


def _order(name: str) -> list[tuple[int, str]]:
    """Sort numbers in a name as numbers: 2.jsonl before 10.jsonl."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
