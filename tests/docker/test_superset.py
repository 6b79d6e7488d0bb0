"""The pages of Superset, which asks PostgreSQL from inside the containers' network."""

import httpx
import pytest

# By their names these are fixtures: the whole of the browser's tests is `make test-browser ENV=docker`.
from tests.browser.conftest import (  # noqa: F401
    OpenDashboard,
    address,
    browser,
    browser_program,
    open_dashboard,
    viewer,
)
from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.docker


def test_every_chart_answers_after_the_dashboards_were_imported_again(platform: SecondPlatform) -> None:
    imported = platform.run("superset-import")
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert " 0 are broken" in imported.stdout


def test_superset_tells_nothing_without_a_login(platform: SecondPlatform) -> None:
    pages = str(platform.outputs["superset_url"])
    assert httpx.get(f"{pages}/health").status_code == 200
    assert httpx.get(f"{pages}/api/v1/chart/").status_code == 401


def test_the_viewer_signs_in_and_sees_every_chart_of_a_dashboard(
    open_dashboard: OpenDashboard,  # noqa: F811
) -> None:
    dashboard = open_dashboard("pipeline-health")
    assert dashboard.complaints == []
