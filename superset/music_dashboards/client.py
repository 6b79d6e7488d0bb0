"""Superset's interface over HTTP, for the administrator."""

import itertools
import json
from typing import Any
from urllib.parse import quote

import httpx

from music_dashboards.errors import DashboardsError

# An import of everything takes two seconds on an idle machine, a chart's query up to its own limit of 60.
TIMEOUT_S = 120.0
PAGE = 100
# By these Superset orders its assets: it takes no id for that.
_NAMES = {
    "database": "database_name",
    "dataset": "table_name",
    "chart": "slice_name",
    "dashboard": "dashboard_title",
}


class Client:
    """A session with a token for changes; every refusal is a DashboardsError."""

    def __init__(self, url: str, username: str, password: str) -> None:
        # Accept: errors as JSON and not as pages. Referer: the token against forged requests wants it.
        self._http = httpx.Client(
            base_url=url,
            timeout=TIMEOUT_S,
            headers={"Accept": "application/json", "Referer": f"{url}/"},
        )
        answer = self.call(
            "POST",
            "/api/v1/security/login",
            json={"username": username, "password": password, "provider": "db", "refresh": False},
        )
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        # The token belongs to the session cookie that comes with it.
        self._http.headers["X-CSRFToken"] = self.call("GET", "/api/v1/security/csrf_token/")["result"]

    def close(self) -> None:
        """End the session."""
        self._http.close()

    def call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the answer to a request."""
        answer: dict[str, Any] = self._request(method, path, **more).json()
        return answer

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise DashboardsError(f"Superset does not answer at {self._http.base_url}: {error!r}.") from error
        # A redirect leads to the login page: the session is not, or no longer, known.
        if not response.is_success:
            raise DashboardsError(
                f"Superset refused {method} {path} with {response.status_code}: {_reason(response)}"
            )
        return response

    def ids(self, kind: str) -> dict[str, int]:
        """Return uuid -> id of all that Superset has of a kind: database, dataset, chart or dashboard."""
        entries = self.each(f"/api/v1/{kind}/", order=_NAMES[kind], columns=["id", "uuid"])
        return {str(entry["uuid"]): entry["id"] for entry in entries}

    def each(self, path: str, *, order: str, **query: Any) -> list[dict[str, Any]]:
        """Return all entries of a list, whose `columns`, where given, hold the id.

        Without an `order` PostgreSQL may choose another for each page, by how many rows it skips: an entry is
        then on two pages and another on none.
        """
        query |= {"order_column": order, "order_direction": "asc", "page_size": PAGE}
        entries: dict[int, dict[str, Any]] = {}
        for number in itertools.count():
            words = quote(_rison({"page": number, **query}), safe="():,!")
            answer = self.call("GET", f"{path}?q={words}")
            entries.update((entry["id"], entry) for entry in answer["result"])
            if (number + 1) * PAGE >= answer["count"]:
                break
        if len(entries) != answer["count"]:
            raise DashboardsError(f"Superset's list {path} changed while it was read: try again.")
        return list(entries.values())

    def import_assets(self, archive: bytes, passwords: dict[str, str]) -> None:
        """Bring databases, datasets, charts and dashboards to an archive, in one transaction of Superset."""
        files = {"bundle": ("assets.zip", archive, "application/zip")}
        data = {"passwords": json.dumps(passwords)}
        answer = self.call("POST", "/api/v1/assets/import/", files=files, data=data)
        if answer != {"message": "OK"}:
            raise DashboardsError(f"Superset did not import the assets: {answer}")

    def export_assets(self) -> bytes:
        """Return the archive of all databases, datasets, charts and dashboards."""
        return self._request("GET", "/api/v1/assets/export/").content


def _reason(response: httpx.Response) -> str:
    try:
        content = response.json()
    except ValueError:
        return response.text[:300] or "no reason given"
    if "errors" in content:
        return "; ".join(error.get("message", str(error)) for error in content["errors"])
    if "result" in content and isinstance(content["result"], list):
        return "; ".join(str(each.get("error") or each) for each in content["result"])
    return str(content.get("message", content))


def _rison(value: Any) -> str:
    """Write the little of Superset's query notation (Rison) that lists need."""
    if isinstance(value, dict):
        return "(" + ",".join(f"{key}:{_rison(each)}" for key, each in value.items()) + ")"
    if isinstance(value, list):
        return "!(" + ",".join(_rison(each) for each in value) + ")"
    return str(value)
