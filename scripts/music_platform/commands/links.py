"""The addresses of a running platform, for people."""

import os
import sys
import webbrowser
from collections.abc import Mapping
from typing import Any

import click

from music_platform.deployment.instance import Instance
from music_platform.deployment.running import outputs
from music_platform.errors import PlatformError

# Output of Terraform, what it is called here, whether it is a page for a browser.
KNOWN: tuple[tuple[str, str, bool], ...] = (
    ("superset_url", "Superset", True),
    ("spark_ui_url", "Spark cluster", True),
    ("spark_job_ui_url", "Spark stream job", True),
    ("spark_master_url", "Spark master", False),
    ("schema_registry_url", "Schema registry", False),
    ("kafka_bootstrap_servers", "Kafka", False),
)


def lines(values: Mapping[str, Any]) -> list[str]:
    """Return one line for each address that the outputs hold."""
    found = [(title, str(values[name])) for name, title, _ in KNOWN if values.get(name)]
    place = f"{values['postgres_host']}:{values['postgres_port']}/{values['postgres_database']}"
    found.append(("PostgreSQL", place))
    found.append(("", 'read-only access: psql "$(.venv/bin/music-platform output postgres_readonly_dsn)"'))
    if values.get("superset_url"):
        hint = ".venv/bin/music-platform output superset_admin_password"
        place_of_url = next(number for number, (title, _) in enumerate(found) if title == "Superset")
        found[place_of_url + 1 : place_of_url + 1] = [
            ("", f"sign in as {values['superset_admin_username']}: {hint}"),
            ("", "or as analyst or viewer: … superset_analyst_password, … superset_viewer_password"),
        ]
    width = max(len(title) for title, _ in found)
    return [f"  {title.ljust(width)}  {address}".rstrip() for title, address in found]


def open_pages(instance: Instance) -> None:
    """Open the pages in a browser where there is a display; print them in any case."""
    values = outputs(instance)
    pages = [(title, str(values[name])) for name, title, is_page in KNOWN if is_page and values.get(name)]
    if not pages:
        raise PlatformError("The platform has no pages to open.")
    has_display = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    for title, address in pages:
        click.echo(f"{title}: {address}")
        if has_display:
            webbrowser.open_new_tab(address)
    if not has_display:
        click.echo("There is no display here: open the addresses in a browser of your choice.")
