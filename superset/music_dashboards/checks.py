"""Whether each chart has data: an import succeeds even when a column or a view of a chart does not exist."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from music_dashboards.client import Client
from music_dashboards.errors import DashboardsError

# As many as the server answers at the same time on two cores without making its other users wait.
PARALLEL = 4


@dataclass(frozen=True)
class Finding:
    """What a chart's queries gave: their rows, or what is wrong."""

    name: str
    rows: int
    seconds: float
    problem: str | None

    def describe(self) -> str:
        """Say it in a line."""
        if self.problem:
            return f"{self.name}: BROKEN: {self.problem}"
        return f"{self.name}: {self.rows:,} rows in {self.seconds:.2f} s"


def run(client: Client, charts: Iterable[tuple[str, int]]) -> Sequence[Finding]:
    """Ask for the data of every chart, given by name and id, as its page would."""

    def look(chart: tuple[str, int]) -> Finding:
        name, identity = chart
        began = time.monotonic()
        try:
            answer = client.call("GET", f"/api/v1/chart/{identity}/data/?force=true")
        except DashboardsError as problem:
            return Finding(name, 0, time.monotonic() - began, str(problem))
        problems = [query["error"] for query in answer["result"] if query.get("error")]
        rows = sum(query.get("rowcount") or 0 for query in answer["result"])
        return Finding(name, rows, time.monotonic() - began, "; ".join(problems) or None)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(look, charts))
