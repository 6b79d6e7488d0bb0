"""A platform with Superset, and a browser in which the viewer has signed in."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from music_dashboards import files, layout
from music_platform.deployment import instance, settings
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests import audit, second_platform
from tests.browser.loader import charts_without_rows
from tests.browser.page import Dashboard
from tests.second_platform import CHECKOUT, SecondPlatform
from tests.waiting import wait_until

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
RATE = 50
# A first look loads all of Superset's pages, while Spark takes what the machine has.
SIGN_IN_LIMIT_MS = 120_000
CHARTS_LIMIT_S = 300

OpenDashboard = Callable[[str], Dashboard]


@pytest.fixture(scope="session")
def browser_program() -> str:
    """An installed browser; outside of continuous integration a machine without one skips these tests."""
    for name in filter(None, (os.environ.get("CHROMIUM"), *BROWSERS)):
        if found := shutil.which(name):
            return found
    sentence = (
        "No Chromium was found: install one (Debian: apt-get install chromium), or name it: CHROMIUM=<path>."
    )
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def platform(browser_program: str) -> Iterator[SecondPlatform]:
    """A running platform for these tests alone, with Superset and a producer, and rows for every chart.

    As processes of this machine, or in the environment that `make test-browser ENV=docker` names.
    """
    environment = str(settings.given(()).get("ENV") or instance.DEFAULT_ENVIRONMENT)
    with second_platform.start(environment, RATE=RATE, SUPERSET=1) as started:
        # What is trending, for one, has a past to be measured against once the rollups have counted it.
        began = time.monotonic()
        wait_until(lambda: charts_without_rows(started) == 0, CHARTS_LIMIT_S, "rows for every chart")
        print(f"every chart has had rows {time.monotonic() - began:.0f} s after the start")
        yield started


def asked(platform: SecondPlatform, statement: str, parameters: Mapping[str, object] | None = None) -> Any:
    """Ask PostgreSQL as the role that Superset has, for one value."""
    with audit.reader(platform.outputs["postgres_dashboards_dsn"]) as cursor:
        cursor.execute(statement, parameters)
        ((value,),) = cursor.fetchall()
        return value


@pytest.fixture(scope="session")
def address(platform: SecondPlatform) -> str:
    return str(platform.outputs["superset_url"])


@pytest.fixture(scope="session")
def browser(browser_program: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that a container does not give.
        arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=browser_program, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def viewer(browser: Browser, platform: SecondPlatform, address: str) -> Iterator[BrowserContext]:
    """A browser in which the viewer has signed in, in the way that a person does."""
    context = browser.new_context()
    context.set_default_timeout(SIGN_IN_LIMIT_MS)
    page = context.new_page()
    page.goto(f"{address}/login/")
    page.fill("[data-test=username-input]", platform.outputs["superset_viewer_username"])
    page.fill("[data-test=password-input]", platform.outputs["superset_viewer_password"])
    page.click("[data-test=login-button]")
    page.wait_for_url(lambda url: "/login" not in url)
    page.close()
    yield context
    context.close()


@pytest.fixture
def open_dashboard(viewer: BrowserContext, address: str) -> Iterator[OpenDashboard]:
    """Open a dashboard by its file's name, and wait until every chart is drawn."""
    assets = files.read(CHECKOUT / "superset" / "assets")
    opened: list[Dashboard] = []

    def look(name: str) -> Dashboard:
        source = assets.dashboards[name]
        titles = [assets.charts[chart]["slice_name"] for chart in layout.charts_of(source["layout"])]
        dashboard = Dashboard(viewer, address, source["slug"], titles)
        opened.append(dashboard)
        try:
            dashboard.wait_until_drawn()
        finally:
            dashboard.photograph(CHECKOUT / "build" / "screenshots" / f"{name}.png")
        return dashboard

    yield look
    for dashboard in opened:
        dashboard.close()


@pytest.fixture
def dashboards_folder(tmp_path: Path) -> Path:
    """A copy of the dashboards' files, to change."""
    folder = tmp_path / "superset"
    shutil.copytree(CHECKOUT / "superset", folder)
    return folder
