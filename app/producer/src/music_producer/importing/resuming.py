"""How far an import has come, so that one that was ended goes on where Kafka has everything before.

Nothing depends on it: an import from the beginning sends the same events under the same ids, and what is
stored already stays as it is. It only saves the time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from music_producer.importing.files import HistoryFile


def default_directory() -> Path:
    """Return where programs keep such state by the XDG Base Directory Specification."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "music-producer"


class Place:
    """The number of listens of this import that Kafka has acknowledged, in a file of its own.

    An import is its files as they are, the listener, and the topic it goes to: after any of them has
    changed it begins anew. The file is there while the import is under way.
    """

    def __init__(self, directory: Path, files: Sequence[HistoryFile], listener: str, topic_id: str) -> None:
        """Name the file; what is there already counts."""
        entries = [(file.name, file.size, file.modified) for file in files]
        about = json.dumps([entries, listener, topic_id]).encode()
        self.path = directory / f"import-{hashlib.sha256(about).hexdigest()[:24]}.json"

    def read(self) -> int:
        """Return how many listens need not be sent again."""
        try:
            acknowledged = json.loads(self.path.read_text(encoding="utf-8"))["acknowledged"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0
        return acknowledged if type(acknowledged) is int and acknowledged > 0 else 0

    def write(self, acknowledged: int) -> None:
        """Replace the number at once; OSError when the directory cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps({"acknowledged": acknowledged}) + "\n", encoding="utf-8")
        draft.replace(self.path)

    def forget(self) -> None:
        """Remove the file: the import is complete."""
        self.path.unlink(missing_ok=True)
