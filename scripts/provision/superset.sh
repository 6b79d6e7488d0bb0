#!/usr/bin/env bash
# Provisions Superset, the server of the dashboards, with PostgreSQL for its own records: superset.sh VERB
#
#   install    unpack it                   configure  write its configuration; bring its records up to date
#   run        become the server           health     exit 0 when it answers
#   import     bring databases, datasets, charts, dashboards, roles and users to what superset/ says
#   install dashboards    unpack only what `import` brings
#
# It needs no Redis, and no network but PostgreSQL's: caches are files, sessions are signed cookies.
#
# Settings: MUSIC_SUPERSET_HOST, MUSIC_SUPERSET_BIND (bound instead), MUSIC_SUPERSET_PORT, MUSIC_SUPERSET_WORKERS,
# MUSIC_SUPERSET_HTTPS (1 behind a proxy that ends TLS); MUSIC_SUPERSET_DB_URL (postgresql://host:port/database),
# _DB_USER, _DB_PASSWORD; MUSIC_SUPERSET_ADMIN_PASSWORD. `import` also reads MUSIC_SUPERSET_ANALYST_PASSWORD,
# _VIEWER_PASSWORD and MUSIC_SUPERSET_ANALYTICS_DSN (what the dashboards query), and installs into MUSIC_DASHBOARDS_DIR.
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

install_superset() {
  install_python superset "$1"
}

install_dashboards() {
  tar -xzf "$MUSIC_ARTIFACTS_DIR/dashboards.tar.gz" -C "$1" --no-same-owner
}

configure() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_SUPERSET_DB_URL MUSIC_SUPERSET_DB_USER \
    MUSIC_SUPERSET_DB_PASSWORD MUSIC_SUPERSET_ADMIN_PASSWORD
  own_directory "$MUSIC_DATA_DIR"
  write_config superset_config.py <"$PROVISION_DIR/superset_config.py"
  # Kept with the data and not with the deployment: sessions, and passwords of databases that people add, end with it.
  if [[ ! -s $MUSIC_DATA_DIR/secret_key ]]; then
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_runner bash -c 'umask 077 && head -c 48 /dev/urandom | base64 -w 0 >"$0"' "$MUSIC_DATA_DIR/secret_key"
  fi
  say "bringing its records up to date"
  superset_environment
  # By standard input: the unprivileged user may not be able to read this directory.
  as_runner "$MUSIC_OPT_DIR/venv/bin/python" - <"$PROVISION_DIR/superset_prepare.py" >"$MUSIC_CONFIG_DIR/superset_prepare.log" 2>&1 ||
    fail "its records could not be brought up to date: $(tail -n 5 "$MUSIC_CONFIG_DIR/superset_prepare.log")"
}

superset_environment() {
  export SUPERSET_CONFIG_PATH=$MUSIC_CONFIG_DIR/superset_config.py SUPERSET_HOME=$MUSIC_DATA_DIR PYTHONUNBUFFERED=1
  # Timestamps are UTC everywhere; so are the words "today" and "now" of a time range.
  export TZ=UTC
}

run() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_SUPERSET_HOST MUSIC_SUPERSET_PORT MUSIC_SUPERSET_DB_URL \
    MUSIC_SUPERSET_DB_USER MUSIC_SUPERSET_DB_PASSWORD
  superset_environment
  # Threads, as a request mostly waits for PostgreSQL; two processes, so that one that computes does not stop the others.
  exec_server "$MUSIC_OPT_DIR/venv/bin/gunicorn" "superset.app:create_app()" \
    --bind "${MUSIC_SUPERSET_BIND:-$MUSIC_SUPERSET_HOST}:$MUSIC_SUPERSET_PORT" \
    --workers "${MUSIC_SUPERSET_WORKERS:-2}" --worker-class gthread --threads 8 \
    --timeout 90 --graceful-timeout 15 --no-control-socket
}

health() {
  require MUSIC_SUPERSET_HOST MUSIC_SUPERSET_PORT
  http_get "$MUSIC_SUPERSET_HOST" "$MUSIC_SUPERSET_PORT" /health >/dev/null ||
    fail "Superset does not answer on $MUSIC_SUPERSET_HOST:$MUSIC_SUPERSET_PORT."
}

import() {
  require MUSIC_OPT_DIR MUSIC_DASHBOARDS_DIR MUSIC_SUPERSET_HOST MUSIC_SUPERSET_PORT MUSIC_SUPERSET_ADMIN_PASSWORD \
    MUSIC_SUPERSET_ANALYST_PASSWORD MUSIC_SUPERSET_VIEWER_PASSWORD MUSIC_SUPERSET_ANALYTICS_DSN
  install_component dashboards "$MUSIC_DASHBOARDS_DIR" install_dashboards
  MUSIC_SUPERSET_URL="http://$MUSIC_SUPERSET_HOST:$MUSIC_SUPERSET_PORT" PYTHONPATH=$MUSIC_DASHBOARDS_DIR \
    PYTHONDONTWRITEBYTECODE=1 "$MUSIC_OPT_DIR/venv/bin/python" -m music_dashboards import "$MUSIC_DASHBOARDS_DIR"
}

case ${1:-} in
  install)
    if [[ ${2:-} == dashboards ]]; then
      require MUSIC_DASHBOARDS_DIR
      install_component dashboards "$MUSIC_DASHBOARDS_DIR" install_dashboards
    else
      require MUSIC_OPT_DIR
      install_component superset "$MUSIC_OPT_DIR" install_superset
    fi
    ;;
  configure | run | health | import) "$1" ;;
  *) usage "install [dashboards]|configure|run|health|import" ;;
esac
