"""The manifest: which files a component consists of, and the sha256 of each.

    {"python": "3.11", "components": {"kafka": {"sha256": "…", "files": {"jars/kafka/x.jar": "…"}}}}

A component's own sha256 covers the names and hashes of its files, so it changes when anything of it does.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAME = "manifest.json"


def sha256(file: Path) -> str:
    """Return the hex digest of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Hashes:
    """The hashes of files, remembered by size and time of change: hashing 800 MB again takes seconds."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        try:
            self._known: dict[str, Any] = json.loads(memory.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            self._known = {}
        self._used: dict[str, Any] = {}

    def of(self, file: Path) -> str:
        """Return the file's hash, computed only when the file is new or changed."""
        status = file.stat()
        key = str(file)
        entry = self._known.get(key)
        if entry is None or entry[:2] != [status.st_size, status.st_mtime_ns]:
            entry = [status.st_size, status.st_mtime_ns, sha256(file)]
        self._used[key] = entry
        return str(entry[2])

    def keep(self) -> None:
        """Remember the hashes asked for since the start; forget the others."""
        self._memory.write_text(json.dumps(self._used), encoding="utf-8")


def describe(artifacts: Path, components: Mapping[str, Sequence[Path]], hashes: Hashes) -> dict[str, Any]:
    """Return the manifest of components, given their files."""
    entries = {}
    for component, files in sorted(components.items()):
        digests = {file.relative_to(artifacts).as_posix(): hashes.of(file) for file in sorted(files)}
        whole = "".join(f"{digest}  {path}\n" for path, digest in digests.items())
        entries[component] = {"sha256": hashlib.sha256(whole.encode()).hexdigest(), "files": digests}
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", "components": entries}


def write(artifacts: Path, manifest: Mapping[str, Any]) -> bool:
    """Write the manifest if it says something new; say whether it did.

    It is put in place in one step, after the files that it names.
    """
    text = json.dumps(manifest, indent=2) + "\n"
    target = artifacts / NAME
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return False
    temporary = target.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
    return True
