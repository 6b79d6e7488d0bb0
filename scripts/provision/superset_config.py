"""Settings of Superset for one host, without Redis and without the internet; superset.sh installs it.

Addresses and secrets come from the environment that superset.sh describes.
"""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

_HOME = Path(os.environ["MUSIC_DATA_DIR"])
_HTTPS = os.environ.get("MUSIC_SUPERSET_HTTPS", "0") == "1"

# -----------------------------------------------------------------------------
# Its own records
# -----------------------------------------------------------------------------

SECRET_KEY = (_HOME / "secret_key").read_text(encoding="ascii")
SQLALCHEMY_DATABASE_URI = os.environ["MUSIC_SUPERSET_DB_URL"].replace(
    "postgresql://",
    f"postgresql+psycopg2://{os.environ['MUSIC_SUPERSET_DB_USER']}"
    f":{quote(os.environ['MUSIC_SUPERSET_DB_PASSWORD'], safe='')}@",
)
# Each process keeps up to 8 connections; queries of charts open their own.
SQLALCHEMY_ENGINE_OPTIONS = {"pool_size": 4, "max_overflow": 4, "pool_pre_ping": True}

# -----------------------------------------------------------------------------
# Caches: files, shared by the processes. States of filters stay in PostgreSQL, which is Superset's default.
# -----------------------------------------------------------------------------


def _files(name: str, lifetime: timedelta) -> dict[str, object]:
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(_HOME / "cache" / name),
        "CACHE_DEFAULT_TIMEOUT": int(lifetime.total_seconds()),
        "CACHE_THRESHOLD": 2000,
    }


CACHE_CONFIG = _files("metadata", timedelta(minutes=5))
# Shorter than the refresh of the Live dashboard, so that many viewers share a query and none sees old
# figures. The assets give datasets that change slowly a longer lifetime.
DATA_CACHE_CONFIG = _files("data", timedelta(seconds=8))
# A refresh may use that cache; the default would ask PostgreSQL anew for each viewer.
DASHBOARD_AUTO_REFRESH_MODE = "fetch"

# -----------------------------------------------------------------------------
# Who gets in
# -----------------------------------------------------------------------------

# The session is a signed cookie that scripts cannot read and that other sites' forms do not send. Without TLS
# it must be allowed over http; behind a proxy that ends TLS (MUSIC_SUPERSET_HTTPS=1) it is not, and the
# proxy's word on the client's address counts.
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _HTTPS
ENABLE_PROXY_FIX = _HTTPS
PERMANENT_SESSION_LIFETIME = timedelta(days=7)

# Every change needs the token of the page it comes from: another site's page cannot make one.
WTF_CSRF_ENABLED = True

# A guesser of passwords has 10 attempts a minute, and no address floods the server. Counted by each process
# for itself: without Redis they share no counter.
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = "memory://"
RATELIMIT_APPLICATION = "100 per second"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "10 per minute"


def FLASK_APP_MUTATOR(app):  # noqa: N802 - the name is Superset's
    """Mend what Superset 6.1 leaves open, in each of its processes."""
    _limit_guesses(app)
    _complete_the_grammar_of_time_ranges()


def _limit_guesses(app):
    """Apply the limit to what takes passwords: Superset applies it to the page of the form alone."""
    (limiter,) = app.extensions["limiter"]
    for endpoint in ("AuthDBView.login", "SecurityApi.login"):
        limited = limiter.limit(AUTH_RATE_LIMIT, methods=["POST"])
        app.view_functions[endpoint] = limited(app.view_functions[endpoint])


def _complete_the_grammar_of_time_ranges():
    """Read one time range before any request does.

    The first use of a grammar of pyparsing completes it, and another thread that uses it meanwhile gets
    "Expected int_operand, found 'MINUTE'": half of the charts of the first dashboard that somebody opens.
    """
    from superset.utils.date_parser import datetime_eval  # it cannot be imported before this file is read

    datetime_eval("DATEADD(DATETIME('now'), -30, MINUTE)")


# Nobody without a name, and nobody registers: users are made by the loader of superset/.
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False

# Headers that tell the browser to load everything from here and nothing from elsewhere: maps, fonts and
# Superset's own count of its users (a picture at scarf.sh) are refused; no dashboard needs them. Scripts need
# the page's nonce.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    # The proxy redirects, where there is one.
    "force_https": False,
    "session_cookie_secure": _HTTPS,
    "frame_options": "SAMEORIGIN",
}

# -----------------------------------------------------------------------------
# Looks
# -----------------------------------------------------------------------------

APP_NAME = "Music analytics"
# Colours that people with any colour vision tell apart (Okabe and Ito, "Color Universal Design", 2008). Their
# yellow is left out: it cannot be read on white.
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "okabe_ito",
        "description": "Colours that can be told apart with any colour vision",
        "label": "Okabe-Ito",
        "isDefault": True,
        "colors": ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#5F5F5F"],
    }
]
# One hue from light to dark: more is darker, whatever one sees of the colour.
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "light_to_dark_blue",
        "description": "One hue: more is darker",
        "label": "Light to dark blue",
        "isDiverging": False,
        "isDefault": True,
        "colors": ["#E6F1F8", "#A6CEE4", "#5FA5CF", "#0072B2", "#003F63"],
    }
]

# -----------------------------------------------------------------------------
# Limits
# -----------------------------------------------------------------------------

ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
SQLLAB_TIMEOUT = 60
SUPERSET_WEBSERVER_TIMEOUT = 60
LOG_LEVEL = "WARNING"
