"""Dashboards as files: python -m music_dashboards import|check|export FOLDER.

  import   bring Superset to the files of FOLDER (assets/, roles.yaml), then check every chart
  check    ask for the data of every chart of the files
  export   bring the files to Superset: what was changed in the browser becomes a difference to look at

Settings: MUSIC_SUPERSET_URL, MUSIC_SUPERSET_ADMIN_PASSWORD; for import also MUSIC_SUPERSET_ANALYTICS_DSN,
MUSIC_SUPERSET_ANALYST_PASSWORD and MUSIC_SUPERSET_VIEWER_PASSWORD. With --verbose it tells of every chart.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from music_dashboards import access, bundle, checks, files
from music_dashboards.client import Client
from music_dashboards.errors import DashboardsError
from music_dashboards.files import Assets

ADMINISTRATOR = "admin"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 when all is well and 1 when something is broken."""
    parser = argparse.ArgumentParser(prog="music_dashboards", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("command", choices=["import", "check", "export"])
    parser.add_argument("folder", type=Path, help="the folder with assets/ and roles.yaml")
    parser.add_argument("--verbose", action="store_true", help="tell of every chart")
    chosen = parser.parse_args(arguments)
    try:
        client = Client(_setting("URL"), ADMINISTRATOR, _setting("ADMIN_PASSWORD"))
        try:
            if chosen.command == "export":
                return export(client, chosen.folder)
            assets = files.read(chosen.folder / "assets")
            if chosen.command == "import":
                import_all(client, assets, chosen.folder / "roles.yaml")
            return check(client, assets, verbose=chosen.verbose)
        finally:
            client.close()
    except DashboardsError as problem:
        print(f"superset: {problem}", file=sys.stderr)
        return 1


def _setting(name: str) -> str:
    value = os.environ.get(f"MUSIC_SUPERSET_{name}")
    if not value:
        raise DashboardsError(f"The setting MUSIC_SUPERSET_{name} is missing: put it into the environment.")
    return value


def import_all(client: Client, assets: Assets, roles_file: Path) -> None:
    """Bring assets, roles and users to the files, and say what was done."""
    uri, password = _database(_setting("ANALYTICS_DSN"))
    before = {kind: client.ids(kind) for kind in ("dataset", "chart", "dashboard")}
    client.import_assets(bundle.pack(assets, uri), {bundle.DATABASE_FILE: password})
    for kind, known in before.items():
        now = client.ids(kind)
        wanted = assets.names(f"{kind}s")
        made = sum(1 for uuid in wanted if uuid not in known)
        others = sum(1 for uuid in now if uuid not in wanted)
        more = f", {others} that are no files were left alone" if others else ""
        print(f"superset: {len(wanted)} {kind}s: {made} made, {len(wanted) - made} brought up to date{more}")
        moved = [wanted[uuid] for uuid in wanted if uuid in known and known[uuid] != now.get(uuid)]
        if moved:
            raise DashboardsError(f"These {kind}s have another id than before: {', '.join(moved)}")
    passwords = {"analyst": _setting("ANALYST_PASSWORD"), "viewer": _setting("VIEWER_PASSWORD")}
    roles = access.read(roles_file, database=uri.rpartition("/")[2])
    for line in access.apply(client, roles, passwords):
        print(f"superset: {line}")


def _database(dsn: str) -> tuple[str, str]:
    """Return Superset's address of a database with the password masked, and the password."""
    parts = urlsplit(dsn)
    if not parts.password or not parts.hostname:
        raise DashboardsError(
            "MUSIC_SUPERSET_ANALYTICS_DSN must be postgresql://user:password@host:port/database."
        )
    place = f"{parts.username}:{bundle.MASKED}@{parts.hostname}:{parts.port or 5432}{parts.path}"
    return f"postgresql+psycopg2://{place}", parts.password


def check(client: Client, assets: Assets, *, verbose: bool) -> int:
    """Ask for the data of every chart; say what is broken, and what has no rows yet."""
    ids = client.ids("chart")
    missing = [name for name, chart in assets.charts.items() if chart["uuid"] not in ids]
    if missing:
        raise DashboardsError(f"Superset does not have these charts: {', '.join(missing)}: import them.")
    findings = checks.run(client, ((name, ids[chart["uuid"]]) for name, chart in assets.charts.items()))
    for finding in findings:
        if verbose or finding.problem:
            print(f"superset: {finding.describe()}")
    broken = [finding for finding in findings if finding.problem]
    empty = [finding for finding in findings if not finding.problem and not finding.rows]
    print(
        f"superset: {len(findings)} charts: {len(findings) - len(broken)} answer"
        f" ({len(empty)} of them have no rows yet), {len(broken)} are broken"
    )
    return 1 if broken else 0


def export(client: Client, folder: Path) -> int:
    """Bring the files to what Superset has, and say which changed."""
    assets = folder / "assets"
    known = files.read(assets)
    lines = files.write(assets, bundle.unpack(client.export_assets(), known))
    for line in lines:
        print(f"superset: {line}")
    print("superset: look at it with `git diff superset`" if lines else "superset: the files say the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
