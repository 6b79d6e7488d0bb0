"""The pages of Superset, which asks PostgreSQL from inside the containers' network."""

import httpx

from tests.second_platform import SecondPlatform


def test_every_chart_answers_after_the_dashboards_were_imported_again(platform: SecondPlatform) -> None:
    imported = platform.run("superset-import")
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert " 0 are broken" in imported.stdout


def test_superset_tells_nothing_without_a_login(platform: SecondPlatform) -> None:
    address = str(platform.outputs["superset_url"])
    assert httpx.get(f"{address}/health").status_code == 200
    assert httpx.get(f"{address}/api/v1/chart/").status_code == 401
