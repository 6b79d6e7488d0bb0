"""How the command line leads to Superset, and what it gives the loader of the dashboards."""

import pytest
from music_platform.commands import dashboards, links
from music_platform.errors import PlatformError

OUTPUTS = {
    "postgres_host": "127.0.0.1",
    "postgres_port": 5432,
    "postgres_database": "music",
    "postgres_dashboards_dsn": "postgresql://music_dashboards:d@127.0.0.1:5432/music",
    "superset_analytics_dsn": "postgresql://music_dashboards:d@postgres:5432/music",
    "superset_url": "http://127.0.0.1:8088",
    "superset_admin_username": "admin",
    "superset_admin_password": "a",
    "superset_analyst_password": "b",
    "superset_viewer_password": "c",
}


def test_the_address_of_superset_comes_with_the_way_to_its_password_and_not_with_the_password() -> None:
    lines = links.lines(OUTPUTS)

    assert lines[0].split() == ["Superset", "http://127.0.0.1:8088"]
    assert lines[1].strip() == "sign in as admin: .venv/bin/music-platform output superset_admin_password"
    assert "superset_analyst_password" in lines[2] and "superset_viewer_password" in lines[2]


def test_a_platform_without_superset_tells_nothing_of_it() -> None:
    lines = links.lines({**OUTPUTS, "superset_url": None, "superset_admin_username": None})

    assert not [line for line in lines if "uperset" in line]


def test_the_loader_gets_its_settings_from_the_outputs() -> None:
    assert dashboards.loader_settings(OUTPUTS) == {
        "MUSIC_SUPERSET_URL": "http://127.0.0.1:8088",
        "MUSIC_SUPERSET_ADMIN_PASSWORD": "a",
        "MUSIC_SUPERSET_ANALYST_PASSWORD": "b",
        "MUSIC_SUPERSET_VIEWER_PASSWORD": "c",
        # Where Superset itself finds PostgreSQL, which in containers is not where this machine does.
        "MUSIC_SUPERSET_ANALYTICS_DSN": "postgresql://music_dashboards:d@postgres:5432/music",
    }


def test_dashboards_of_a_platform_without_superset_are_refused_with_the_remedy() -> None:
    with pytest.raises(PlatformError, match="make up SUPERSET=1"):
        dashboards.loader_settings({**OUTPUTS, "superset_url": None})
