"""The dashboards of a running platform: brought to the files of superset/, or the files brought to them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from music_platform.deployment.instance import Instance
from music_platform.deployment.running import outputs
from music_platform.errors import PlatformError

# What the loader reads, and the output of Terraform that it comes from.
_SETTINGS = {
    "MUSIC_SUPERSET_URL": "superset_url",
    "MUSIC_SUPERSET_ADMIN_PASSWORD": "superset_admin_password",
    "MUSIC_SUPERSET_ANALYST_PASSWORD": "superset_analyst_password",
    "MUSIC_SUPERSET_VIEWER_PASSWORD": "superset_viewer_password",
    # Not what this machine connects to: the loader writes down where Superset does.
    "MUSIC_SUPERSET_ANALYTICS_DSN": "superset_analytics_dsn",
}


def load(instance: Instance, command: str) -> int:
    """Run a command of the loader (import, check or export) on the files of the checkout; return its exit."""
    folder = instance.checkout / "superset"
    program = [sys.executable, "-m", "music_dashboards", command, str(folder), "--verbose"]
    environment = {**os.environ, **loader_settings(outputs(instance)), "PYTHONPATH": str(folder)}
    return subprocess.run(program, env=environment).returncode


def loader_settings(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the loader's settings from the outputs; raise a PlatformError when Superset does not run."""
    if not values.get("superset_url"):
        raise PlatformError("The platform runs without Superset: `make up SUPERSET=1` starts it.")
    return {name: str(values[output]) for name, output in _SETTINGS.items()}
