"""The files of superset/ and a running Superset: to it and back, again and again."""

import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import pytest
import yaml
from music_dashboards.client import Client
from music_platform.commands.dashboards import loader_settings

from tests.browser.loader import load
from tests.second_platform import CHECKOUT, SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

RESTART_LIMIT_S = 180
KINDS = ("database", "dataset", "chart", "dashboard")


@pytest.fixture(scope="module")
def client(platform: SecondPlatform) -> Client:
    outputs = platform.outputs
    return Client(
        outputs["superset_url"], outputs["superset_admin_username"], outputs["superset_admin_password"]
    )


def superset_process(platform: SecondPlatform) -> psutil.Process:
    pid = platform.programs()["superset"].pid
    assert pid is not None
    return psutil.Process(pid)


def identities(client: Client) -> dict[str, dict[str, int]]:
    return {kind: client.ids(kind) for kind in KINDS}


def test_importing_again_changes_no_id_and_finds_no_broken_chart(
    platform: SecondPlatform, client: Client
) -> None:
    before = identities(client)

    result = load(platform, "import")

    assert result.returncode == 0, result.stdout + result.stderr
    assert identities(client) == before
    assert "charts: 0 made" in result.stdout
    assert "(0 of them have no rows yet), 0 are broken" in result.stdout


def test_what_was_imported_is_exported_as_the_same_files(
    platform: SecondPlatform, dashboards_folder: Path
) -> None:
    result = load(platform, "export", dashboards_folder)

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == "superset: the files say the same\n"


def test_a_change_in_the_browser_is_exported_as_that_change(
    platform: SecondPlatform, client: Client, dashboards_folder: Path
) -> None:
    file = dashboards_folder / "assets" / "charts" / "live" / "skips.yaml"
    old = file.read_text()
    uuid = yaml.safe_load(old)["uuid"]
    identity = identities(client)["chart"][uuid]
    client.call("PUT", f"/api/v1/chart/{identity}", json={"slice_name": "Skips"})

    try:
        result = load(platform, "export", dashboards_folder)

        assert "changed charts/live/skips.yaml" in result.stdout
        assert result.stdout.count("changed") == 1
        changed = [
            (a, b) for a, b in zip(old.splitlines(), file.read_text().splitlines(), strict=True) if a != b
        ]
        assert changed == [("slice_name: Skipped", "slice_name: Skips")]
    finally:
        client.call("PUT", f"/api/v1/chart/{identity}", json={"slice_name": "Skipped"})


def test_a_broken_chart_fails_the_import_and_is_named(
    platform: SecondPlatform, dashboards_folder: Path
) -> None:
    file = dashboards_folder / "assets" / "datasets" / "pipeline_health.yaml"
    file.write_text(file.read_text().replace("MAX(lag_records)", "MAX(no_such_column)"))

    try:
        result = load(platform, "import", dashboards_folder)

        assert result.returncode == 1
        assert "health/lag: BROKEN" in result.stdout
        assert "no_such_column" in result.stdout
        assert "1 are broken" in result.stdout
    finally:
        assert load(platform, "import").returncode == 0


def test_a_list_whose_order_changes_between_two_pages_is_read_whole(
    platform: SecondPlatform, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/api/v1/security/permissions-resources/"
    call = client.call
    pages = []

    def then_move_rows(method: str, address: str, **more: object) -> dict[str, Any]:
        answer = call(method, address, **more)
        pages.append(answer)
        if len(pages) == 1:
            move_rows_to_the_end(platform, [entry["id"] for entry in answer["result"]])
        return answer

    monkeypatch.setattr(client, "call", then_move_rows)
    entries = client.each(path, order="id")

    count = pages[-1]["count"]
    assert count > len(pages[0]["result"]), "one page holds all: nothing was proven"
    assert len({entry["id"] for entry in entries}) == len(entries) == count


def move_rows_to_the_end(platform: SecondPlatform, ids: list[int]) -> None:
    """Write rows of Superset's permissions anew, as they are: PostgreSQL then finds them last."""
    own = superset_process(platform).environ()
    user, password = own["MUSIC_SUPERSET_DB_USER"], own["MUSIC_SUPERSET_DB_PASSWORD"]
    # Its own address of PostgreSQL may be one of a network of containers.
    database = own["MUSIC_SUPERSET_DB_URL"].rpartition("/")[2]
    host, port = platform.outputs["postgres_host"], platform.outputs["postgres_port"]
    connection = psycopg2.connect(host=host, port=port, dbname=database, user=user, password=password)
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute("UPDATE ab_permission_view SET view_menu_id = view_menu_id WHERE id = ANY(%s)", (ids,))


def test_a_wrong_password_is_a_sentence(platform: SecondPlatform) -> None:
    settings = {**loader_settings(platform.outputs), "MUSIC_SUPERSET_ADMIN_PASSWORD": "wrong"}
    result = subprocess.run(
        [sys.executable, "-m", "music_dashboards", "check", str(CHECKOUT / "superset")],
        env={**os.environ, **settings, "PYTHONPATH": str(CHECKOUT / "superset")},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 1
    assert "Superset refused POST /api/v1/security/login with 401" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_killed_superset_comes_back_with_everything(platform: SecondPlatform, client: Client) -> None:
    before = identities(client)
    superset = superset_process(platform)
    for process in [superset, *superset.children(recursive=True)]:
        # The end of the first process of a container is that of the others.
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)

    def answers() -> bool:
        try:
            return httpx.get(f"{platform.outputs['superset_url']}/health", timeout=5).is_success
        except httpx.HTTPError:
            return False

    wait_until(answers, RESTART_LIMIT_S, "Superset's answer")
    # The session from before is still good: its key is kept.
    assert identities(client) == before
