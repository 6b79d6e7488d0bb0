"""What each role may do in Superset, and that nobody gets in by guessing."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx
import psycopg2
import pytest

from tests.browser.conftest import OpenDashboard
from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.browser

LIMIT_S = 60
PRIVATE = {"name", "email", "birth_date"}


class Session:
    """A browser's session with Superset, without the browser."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(
            base_url=address,
            timeout=LIMIT_S,
            headers={"Accept": "application/json", "Referer": f"{address}/"},
        )
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.http.get("/login/").text)
        assert found is not None
        self._form_token = found.group(1)

    def submit(self, username: str, password: str) -> httpx.Response:
        """Send the form of the login page."""
        form = {"username": username, "password": password, "csrf_token": self._form_token}
        return self.http.post("/login/", data=form)

    def sign_in(self, username: str, password: str) -> httpx.Response:
        """Sign in, and take the token that changes need."""
        answer = self.submit(username, password)
        assert is_let_in(answer), f"{answer.status_code} {answer.headers.get('Location')}"
        token = self.http.get("/api/v1/security/csrf_token/").raise_for_status().json()["result"]
        self.http.headers["X-CSRFToken"] = token
        return answer

    def run_sql(self, statement: str, schema: str = "analytics") -> httpx.Response:
        """Run a statement as SQL Lab does."""
        return self.http.post(
            "/api/v1/sqllab/execute/",
            json={"database_id": 1, "schema": schema, "sql": statement, "runAsync": False},
        )


def is_let_in(answer: httpx.Response) -> bool:
    return answer.is_redirect and "/login" not in answer.headers["Location"]


@contextmanager
def session_of(platform: SecondPlatform, user: str) -> Iterator[tuple[Session, httpx.Response]]:
    """A session in which one of the platform's users has signed in, and the answer to the form."""
    outputs = platform.outputs
    session = Session(outputs["superset_url"])
    with closing(session.http):
        answer = session.sign_in(outputs[f"superset_{user}_username"], outputs[f"superset_{user}_password"])
        yield session, answer


@pytest.fixture(scope="module")
def viewer_session(platform: SecondPlatform) -> Iterator[Session]:
    with session_of(platform, "viewer") as (session, _):
        yield session


@pytest.fixture(scope="module")
def analyst_session(platform: SecondPlatform) -> Iterator[Session]:
    with session_of(platform, "analyst") as (session, _):
        yield session


def test_the_viewer_s_pages_offer_no_change(open_dashboard: OpenDashboard) -> None:
    page = open_dashboard("live").page

    assert page.locator("[data-test=edit-dashboard-button], button:has-text('Edit dashboard')").count() == 0
    assert page.locator("text=SQL Lab").count() == 0


def test_the_viewer_cannot_change_anything(viewer_session: Session) -> None:
    http = viewer_session.http
    chart = {
        "slice_name": "x",
        "viz_type": "pie",
        "datasource_id": 1,
        "datasource_type": "table",
        "params": "{}",
    }

    assert http.put("/api/v1/dashboard/1", json={"dashboard_title": "x"}).status_code == 403
    assert http.put("/api/v1/chart/1", json={"slice_name": "x"}).status_code == 403
    assert http.post("/api/v1/chart/", json=chart).status_code == 403
    assert http.delete("/api/v1/dashboard/1").status_code == 403
    assert http.post("/api/v1/assets/import/").status_code == 403
    assert http.get("/api/v1/security/users/").status_code == 403


def test_the_viewer_cannot_query_the_warehouse(viewer_session: Session) -> None:
    assert viewer_session.run_sql("SELECT count(*) FROM analytics.hourly").status_code == 403
    assert viewer_session.run_sql("SELECT email FROM warehouse.users").status_code == 403
    query = {
        "datasource": {"id": 1, "type": "table"},
        "queries": [
            {
                "columns": [],
                "metrics": [
                    {
                        "expressionType": "SQL",
                        "sqlExpression": "(SELECT max(email) FROM warehouse.users)",
                        "label": "email",
                    }
                ],
            }
        ],
        "result_format": "json",
        "result_type": "full",
    }
    assert viewer_session.http.post("/api/v1/chart/data", json=query).status_code >= 400


def test_the_analyst_queries_the_analytics_and_nothing_else(analyst_session: Session) -> None:
    answer = analyst_session.run_sql("SELECT count(*) AS hours FROM analytics.hourly")

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"][0]["hours"] >= 0
    for schema, statement in (
        ("analytics", "SELECT email FROM warehouse.users"),
        ("warehouse", "SELECT email FROM users"),
        ("ops", "SELECT count(*) FROM ops.dead_letters"),
        ("analytics", "CREATE TABLE analytics.mine (x integer)"),
    ):
        refused = analyst_session.run_sql(statement, schema)
        assert refused.status_code >= 400, f"{statement} gave {refused.text}"


def test_the_role_of_the_dashboards_reaches_the_analytics_alone(platform: SecondPlatform) -> None:
    connection = psycopg2.connect(platform.outputs["postgres_dashboards_dsn"])
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM analytics.hourly")
        # The default of its sessions must not be what its rights rest on.
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        for statement in (
            "SELECT email FROM warehouse.users",
            "SELECT count(*) FROM ops.dead_letters",
            "SELECT count(*) FROM metrics.hourly",
            "DELETE FROM analytics.hourly",
            "CREATE TABLE analytics.mine (x integer)",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_no_view_of_the_analytics_shows_a_private_column(platform: SecondPlatform) -> None:
    connection = psycopg2.connect(platform.outputs["postgres_dashboards_dsn"])
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'analytics' AND column_name = ANY(%s)",
            (sorted(PRIVATE - {"name"}),),
        )
        assert cursor.fetchall() == []


def test_a_page_of_another_site_cannot_make_a_change(platform: SecondPlatform) -> None:
    with session_of(platform, "admin") as (session, answer):
        del session.http.headers["X-CSRFToken"]

        refused = session.http.put("/api/v1/chart/1", json={"slice_name": "x"})

        assert refused.status_code in (302, 400, 403), refused.text
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_pages_may_load_nothing_from_another_address(address: str) -> None:
    policy = httpx.get(f"{address}/login/", timeout=LIMIT_S).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_superset_takes_less_than_a_gibibyte(platform: SecondPlatform) -> None:
    superset = platform.programs()["superset"]

    assert superset.memory < 2**30
    print(f"Superset takes {superset.memory / 2**20:.0f} MiB")


def test_no_default_password_works_and_a_guesser_is_slowed_down(address: str) -> None:
    session = Session(address)
    # Each of Superset's processes counts to ten a minute; a busy machine takes long for each attempt.
    guesses = ["admin", "general", "superset", *(f"guess {number}" for number in range(77))]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda guess: session.submit("admin", guess), guesses))

    assert not any(is_let_in(answer) for answer in answers)
    assert any(answer.status_code == 429 for answer in answers)
