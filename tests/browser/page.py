"""A dashboard as somebody sees it in a browser, and everything that went wrong while it was open."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

# Superset's count of its users: its page asks for it, the headers refuse it.
REFUSED = "scarf.sh"
# A refresh gives up the answers that it would replace; that is no failure.
GIVEN_UP = "net::ERR_ABORTED"
# A machine that also runs Spark draws a dashboard in 20 s as a rule.
DRAWN_LIMIT_S = 120
WIDTH, HEIGHT = 1600, 2400

_CHARTS = """() => [...document.querySelectorAll('[data-test=chart-grid-component]')].map(chart => {
    const part = chart.querySelector('[data-test=slice-container]');
    const find = pattern => part ? part.querySelectorAll(pattern).length : 0;
    return {
        name: chart.dataset.testChartName,
        loading: chart.querySelectorAll('.loading, [data-test=loading-indicator]').length > 0,
        drawn: find('canvas, tbody tr, .header-line, .datamaps-subunit') > 0,
        problems: [...chart.querySelectorAll('[role=alert], .ant-empty')]
            .map(each => each.innerText || 'no rows')
    };
})"""
_NUMBER = "[data-test-chart-name='{name}'] .header-line"
_ROWS = "[data-test-chart-name='{name}'] tbody tr"


@dataclass
class Watch:
    """What a page complained about."""

    complaints: list[str] = field(default_factory=list)

    def on(self, page: Page, address: str) -> None:
        """Begin to listen to a page; it may ask nothing of any address but that one."""

        def console(message: ConsoleMessage) -> None:
            if message.type == "error" and REFUSED not in message.text:
                self.complaints.append(f"console: {message.text}")

        def failed(request: Request) -> None:
            if request.failure != GIVEN_UP and REFUSED not in request.url:
                self.complaints.append(f"request: {request.method} {request.url}: {request.failure}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                self.complaints.append(
                    f"answer: {response.status} to {response.request.method} {response.url}"
                )

        def asked(request: Request) -> None:
            if (
                not request.url.startswith((address, "data:", "blob:", "about:"))
                and REFUSED not in request.url
            ):
                self.complaints.append(f"request to another address: {request.url}")

        page.on("console", console)
        page.on("pageerror", lambda error: self.complaints.append(f"page: {error}"))
        page.on("requestfailed", failed)
        page.on("response", answered)
        page.on("request", asked)


class Dashboard:
    """An open dashboard."""

    def __init__(self, context: BrowserContext, address: str, slug: str, charts: Sequence[str]) -> None:
        self._charts = charts
        self._watch = Watch()
        # A page of its own: one that leads from an open dashboard to another sometimes breaks off.
        self.page = context.new_page()
        # So tall that no chart waits for somebody to scroll to it.
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        self._watch.on(self.page, address)
        self.page.goto(f"{address}/superset/dashboard/{slug}/", wait_until="commit")

    @property
    def complaints(self) -> list[str]:
        """What went wrong so far."""
        return self._watch.complaints

    def wait_until_drawn(self) -> None:
        """Wait for every chart; fail with what the page shows and said when one does not come."""
        left = DRAWN_LIMIT_S
        while left > 0:
            seen = self.charts()
            broken = [chart for chart in seen if chart["problems"]]
            assert not broken, f"charts with a problem: {broken}; the page said: {self.complaints}"
            drawn = [chart["name"] for chart in seen if chart["drawn"] and not chart["loading"]]
            if sorted(drawn) == sorted(self._charts):
                return
            # The browser's events arrive while it waits.
            self.page.wait_for_timeout(500)
            left -= 0.5
        missing = sorted(set(self._charts) - set(drawn))
        raise AssertionError(
            f"not drawn within {DRAWN_LIMIT_S} s: {missing}; the page said: {self.complaints}"
        )

    def charts(self) -> list[dict[str, Any]]:
        """Return the state of every chart on the page."""
        found: list[dict[str, Any]] = self.page.evaluate(_CHARTS)
        return found

    def number(self, chart: str) -> float:
        """Return the number that a chart shows; a share as a fraction."""
        text = self.page.locator(_NUMBER.format(name=chart)).inner_text().replace(",", "")
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)

    def rows(self, chart: str) -> list[list[str]]:
        """Return the texts of a table's cells."""
        rows: list[list[str]] = self.page.locator(_ROWS.format(name=chart)).evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.innerText.trim()))"
        )
        return rows

    def choose(self, filter_id: str, value: str) -> None:
        """Choose a value of a filter and apply it."""
        box = self.page.locator(f"[data-test={filter_id}]")
        box.click()
        box.locator("input").fill(value)
        self.page.locator(f".ant-select-item-option[title='{value}']").click()
        self.page.keyboard.press("Escape")
        self.page.locator("[data-test=filter-bar__apply-button]").click()

    def photograph(self, file: Path) -> None:
        """Keep a picture of the page."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)

    def close(self) -> None:
        """Leave the page."""
        self.page.close()
