"""The loader of dashboards, as a start of the platform calls it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from music_platform.commands.dashboards import loader_settings

from tests.second_platform import CHECKOUT, SecondPlatform


def load(
    platform: SecondPlatform, command: str, folder: Path = CHECKOUT / "superset"
) -> "subprocess.CompletedProcess[str]":
    """Run a command of the loader: import, check or export."""
    return subprocess.run(
        [sys.executable, "-m", "music_dashboards", command, str(folder)],
        env={**os.environ, **loader_settings(platform.outputs), "PYTHONPATH": str(CHECKOUT / "superset")},
        capture_output=True,
        text=True,
    )


def charts_without_rows(platform: SecondPlatform) -> int:
    """How many charts have nothing to show; a broken one fails."""
    checked = load(platform, "check")
    found = re.search(r"\((\d+) of them have no rows yet\), 0 are broken", checked.stdout)
    assert found, checked.stdout + checked.stderr
    return int(found[1])
