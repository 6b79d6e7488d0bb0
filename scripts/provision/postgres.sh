#!/usr/bin/env bash
# Provisions PostgreSQL: postgres.sh VERB
#
#   install    unpack the server           configure  write its configuration; make the cluster, roles and databases
#   run        become the server           health     exit 0 when it takes connections
#   migrate    bring the schema of the database up to date
#   install migrations    unpack only what `migrate` needs
#
# A supervisor stops it with SIGINT (a fast shutdown); on SIGTERM PostgreSQL waits until every client has left.
# PostgreSQL refuses to run as root: started by root, it becomes MUSIC_RUN_AS.
#
# Settings: MUSIC_POSTGRES_HOST, MUSIC_POSTGRES_BIND (bound instead), MUSIC_POSTGRES_PORT, MUSIC_POSTGRES_DATABASE,
# MUSIC_POSTGRES_ALLOWED_NETWORKS (who may connect besides this machine: CIDR, separated by blanks), and the passwords
# MUSIC_POSTGRES_OWNER_PASSWORD, _APPLICATION_PASSWORD, _READONLY_PASSWORD, _DASHBOARDS_PASSWORD, _REGISTRY_PASSWORD,
# _SUPERSET_PASSWORD.
# `migrate` installs the migrations into MUSIC_MIGRATIONS_DIR.
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

install_server() {
  # A jar is a zip archive, with the server as a compressed tar archive in it.
  python3 - "$MUSIC_ARTIFACTS_DIR"/postgres/*.jar "$1" <<'PYTHON'
import sys, tarfile, zipfile

with zipfile.ZipFile(sys.argv[1]) as jar:
    name = next(name for name in jar.namelist() if name.endswith(".txz"))
    with jar.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as archive:
        archive.extractall(sys.argv[2])
PYTHON
}

install_migrations() {
  install_python migrations "$1"
  mkdir "$1/sql"
  tar -xzf "$MUSIC_ARTIFACTS_DIR/sql.tar.gz" -C "$1/sql" --no-same-owner
}

server_configuration() {
  cat <<CONFIGURATION
# Written by scripts/provision/postgres.sh; changes here are lost. Sized for a machine of 2 cores.

data_directory = '$MUSIC_DATA_DIR/cluster'
hba_file = '$MUSIC_CONFIG_DIR/pg_hba.conf'
ident_file = '$MUSIC_DATA_DIR/cluster/pg_ident.conf'
listen_addresses = '${MUSIC_POSTGRES_BIND:-$MUSIC_POSTGRES_HOST}'
port = $MUSIC_POSTGRES_PORT
unix_socket_directories = '$(socket_directory)'
password_encryption = scram-sha-256
max_connections = 60                   # the stream uses about 5, the registry 10, dashboards 32

# Memory
shared_buffers = 256MB                 # the partitions being written and their indexes
effective_cache_size = 1GB
work_mem = 16MB                        # the merge of a batch sorts and hashes in memory
maintenance_work_mem = 128MB

# Durability: what was committed is there after a crash. The ledger of the stream relies on it.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on                   # the first change of a page after a checkpoint writes all of it
max_wal_size = 4GB                     # with a checkpoint every 15 minutes, fewer whole pages are written
min_wal_size = 512MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9

# Planning
random_page_cost = 1.1                 # solid-state disks
jit = off                              # compiling costs more than these short queries take
default_statistics_target = 200        # ids are skewed: a few songs have most plays

# Housekeeping
autovacuum_max_workers = 2
autovacuum_naptime = 30s
autovacuum_vacuum_scale_factor = 0.05  # the newest metric rows are updated in every batch
autovacuum_vacuum_insert_scale_factor = 0.1
idle_in_transaction_session_timeout = 10min
tcp_keepalives_idle = 60               # a client that vanished gives its locks back
tcp_keepalives_interval = 10
tcp_keepalives_count = 3

# Locale and logs; to standard error, which the supervisor, Docker or systemd keeps and rotates
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = 2s
log_checkpoints = on
log_lock_waits = on
CONFIGURATION
  if [[ -n ${MUSIC_TLS_DIR:-} ]]; then
    cat <<CONFIGURATION

# Connections from elsewhere are encrypted (pg_hba.conf)
ssl = on
ssl_cert_file = '$MUSIC_TLS_DIR/certificate.pem'
ssl_key_file = '$MUSIC_TLS_DIR/key.pem'
CONFIGURATION
  fi
}

# A socket's path has at most 107 characters; where the data lies too deep, there is TCP only.
socket_directory() {
  local directory=$MUSIC_DATA_DIR/socket
  if [[ ${#directory} -le 85 ]]; then
    echo "$directory"
  fi
}

client_authentication() {
  local network
  echo "# Written by scripts/provision/postgres.sh; changes here are lost."
  echo "local all all scram-sha-256"
  for network in 127.0.0.1/32 ::1/128; do
    echo "host all all $network scram-sha-256"
  done
  for network in ${MUSIC_POSTGRES_ALLOWED_NETWORKS:-}; do
    echo "host${MUSIC_TLS_DIR:+ssl} all all $network scram-sha-256"
  done
}

configure() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_POSTGRES_HOST MUSIC_POSTGRES_PORT MUSIC_POSTGRES_DATABASE \
    MUSIC_POSTGRES_OWNER_PASSWORD MUSIC_POSTGRES_APPLICATION_PASSWORD MUSIC_POSTGRES_READONLY_PASSWORD \
    MUSIC_POSTGRES_DASHBOARDS_PASSWORD MUSIC_POSTGRES_REGISTRY_PASSWORD MUSIC_POSTGRES_SUPERSET_PASSWORD
  own_directory "$MUSIC_DATA_DIR"
  own_directory "$MUSIC_DATA_DIR/socket"
  server_configuration | write_config postgresql.conf
  client_authentication | write_config pg_hba.conf
  if [[ ! -f $MUSIC_DATA_DIR/cluster/PG_VERSION ]]; then
    say "making the cluster"
    # The built-in locale sorts the same on every machine, whatever its C library. The superuser has no password:
    # nobody can connect as it.
    as_runner "$MUSIC_OPT_DIR/bin/initdb" --pgdata "$MUSIC_DATA_DIR/cluster" --username postgres --data-checksums \
      --encoding UTF8 --locale C --locale-provider builtin --builtin-locale C.UTF-8 \
      --auth reject --no-instructions >/dev/null
  fi
  # One after the other: two administrators at once cannot open the cluster.
  local statements
  statements=$(
    missing_databases
    roles
  )
  as_administrator <<<"$statements" >/dev/null
}

# as_administrator: runs the SQL of its input, a statement a line, on the stopped server. It comes by standard input:
# a password in an argument could be seen by everyone on the machine.
as_administrator() {
  local output
  output=$(as_runner "$MUSIC_OPT_DIR/bin/postgres" --single -c exit_on_error=on -c log_checkpoints=off \
    -c log_min_error_statement=panic -c "config_file=$MUSIC_CONFIG_DIR/postgresql.conf" postgres 2>&1) ||
    fail "the roles and databases could not be set up: $output"
  echo "$output"
}

missing_databases() {
  local known name
  known=$(echo "SELECT datname FROM pg_database" | as_administrator)
  for name in "$MUSIC_POSTGRES_DATABASE" registry superset; do
    if [[ $known != *"\"$name\""* ]]; then
      echo "CREATE DATABASE \"$name\""
    fi
  done
}

roles() {
  local database=$MUSIC_POSTGRES_DATABASE
  role music_owner "$MUSIC_POSTGRES_OWNER_PASSWORD"
  role music_app "$MUSIC_POSTGRES_APPLICATION_PASSWORD"
  role music_readonly "$MUSIC_POSTGRES_READONLY_PASSWORD"
  role music_dashboards "$MUSIC_POSTGRES_DASHBOARDS_PASSWORD"
  role registry "$MUSIC_POSTGRES_REGISTRY_PASSWORD"
  role superset "$MUSIC_POSTGRES_SUPERSET_PASSWORD"
  echo "ALTER ROLE music_readonly SET default_transaction_read_only = on"
  echo "ALTER ROLE music_dashboards SET default_transaction_read_only = on"
  # A question that takes longer is not one for a dashboard; it must not hold up the stream's database.
  echo "ALTER ROLE music_dashboards SET statement_timeout = '60s'"
  echo "ALTER DATABASE \"$database\" OWNER TO music_owner"
  echo "ALTER DATABASE registry OWNER TO registry"
  echo "ALTER DATABASE superset OWNER TO superset"
  echo "REVOKE ALL ON DATABASE \"$database\", registry, superset FROM PUBLIC"
  echo "GRANT CONNECT, TEMPORARY ON DATABASE \"$database\" TO music_app"
  echo "GRANT CONNECT ON DATABASE \"$database\" TO music_readonly, music_dashboards"
}

role() {
  local name=$1 password=${2//\'/\'\'}
  echo "DO \$\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$name') THEN CREATE ROLE $name; END IF; END \$\$"
  echo "ALTER ROLE $name LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '$password'"
}

run() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR
  MUSIC_PARENT_DEATH_SIGNAL=INT exec_server "$MUSIC_OPT_DIR/bin/postgres" \
    -c "config_file=$MUSIC_CONFIG_DIR/postgresql.conf"
}

health() {
  require MUSIC_POSTGRES_HOST MUSIC_POSTGRES_PORT
  # From this machine itself where it is bound to more than one address: no encryption is asked for there.
  local host=${MUSIC_POSTGRES_BIND:+127.0.0.1}
  host=${host:-$MUSIC_POSTGRES_HOST}
  # A start-up message of protocol 3.0 for the user music_app; a server that is ready asks for the password (R), one
  # that still starts or recovers refuses (E).
  local message answer
  message='\x00\x00\x00\x18\x00\x03\x00\x00user\x00music_app\x00\x00'
  answer=$(ask "$host" "$MUSIC_POSTGRES_PORT" "$message" 1) || true
  [[ $answer == 52 ]] || fail "PostgreSQL takes no connections on $host:$MUSIC_POSTGRES_PORT."
}

migrate() {
  require MUSIC_MIGRATIONS_DIR MUSIC_POSTGRES_HOST MUSIC_POSTGRES_PORT MUSIC_POSTGRES_DATABASE MUSIC_POSTGRES_OWNER_PASSWORD
  install_component migrations "$MUSIC_MIGRATIONS_DIR" install_migrations
  "$MUSIC_MIGRATIONS_DIR/venv/bin/python" "$PROVISION_DIR/migrate.py" "$MUSIC_MIGRATIONS_DIR/sql"
}

case ${1:-} in
  install)
    if [[ ${2:-} == migrations ]]; then
      require MUSIC_MIGRATIONS_DIR
      install_component migrations "$MUSIC_MIGRATIONS_DIR" install_migrations
    else
      require MUSIC_OPT_DIR
      install_component postgres "$MUSIC_OPT_DIR" install_server
    fi
    ;;
  configure | run | health | migrate) "$1" ;;
  *) usage "install [migrations]|configure|run|health|migrate" ;;
esac
