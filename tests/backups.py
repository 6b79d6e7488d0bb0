"""Backups that a platform's own command makes."""

import re
from pathlib import Path

from tests.second_platform import SecondPlatform


def make(platform: SecondPlatform) -> Path:
    """Run `make backup`; return the file that it names, which nobody else may read."""
    made = platform.run("backup")
    assert made.returncode == 0, made.stdout + made.stderr
    found = re.search(r"(/\S+\.tar\.gz) has", made.stdout)
    assert found, made.stdout
    file = Path(found[1])
    assert file.stat().st_mode & 0o077 == 0
    return file
