#!/usr/bin/env bash
# Starts and stops the supervisor of one platform's processes: supervisor.sh start|stop|remove INSTANCE_DIRECTORY
#
#   start   make the directories and start supervisord, with every program that is configured; nothing if it runs
#   stop    stop every program, then supervisord
#   remove  stop, then remove configuration, secrets, logs and data
#
# MUSIC_SUPERVISORD names the program (default: that of the checkout's .venv).
set -euo pipefail

verb=${1:-}
instance=${2:-}
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
supervisord=${MUSIC_SUPERVISORD:-$checkout/.venv/bin/supervisord}
configuration=$instance/etc/supervisord.conf

fail() {
  echo "supervisor: $*" >&2
  exit 1
}

control() {
  "$(dirname "$supervisord")/supervisorctl" -c "$configuration" "$@"
}

is_running() {
  [[ -S $instance/run/supervisor.sock ]] && control pid >/dev/null 2>&1
}

# As many open files as the machine allows, up to what a broker may need.
open_files() {
  local most
  most=$(ulimit -Hn)
  if [[ $most == unlimited || $most -gt 65536 ]]; then echo 65536; else echo "$most"; fi
}

write_configuration() {
  cat >"$configuration" <<CONFIGURATION
; Written by modules/supervisor/local; changes here are lost.
[unix_http_server]
file=$instance/run/supervisor.sock
chmod=0700

[supervisord]
logfile=$instance/log/supervisord.log
logfile_maxbytes=10MB
logfile_backups=1
pidfile=$instance/run/supervisord.pid
childlogdir=$instance/log
directory=$instance
minfds=$(open_files)
umask=022
$([[ $EUID -eq 0 ]] && echo "user=root")

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://$instance/run/supervisor.sock

[include]
files=$instance/etc/programs/*.conf
CONFIGURATION
}

start() {
  [[ -x $supervisord ]] || fail "$supervisord is missing: run \`make setup\`."
  umask 022
  mkdir -p "$instance"/{data,etc/programs,log,run}
  mkdir -p "$instance/secrets"
  chmod 0700 "$instance/secrets"
  if is_running; then
    echo "supervisor: is running"
    return
  fi
  write_configuration
  rm -f "$instance/run/supervisor.sock"
  "$supervisord" -c "$configuration"
  local deadline=$((SECONDS + 20))
  until is_running; do
    ((SECONDS < deadline)) || fail "supervisord did not start; the end of its log: $(tail -n 5 "$instance/log/supervisord.log" 2>&1)"
    sleep 0.1
  done
  echo "supervisor: started"
}

stop() {
  if ! is_running; then
    echo "supervisor: is not running"
    return
  fi
  local pid
  pid=$(control pid)
  control shutdown >/dev/null
  # It waits for each program as long as that program's own limit says.
  local deadline=$((SECONDS + 150))
  while kill -0 "$pid" 2>/dev/null; do
    ((SECONDS < deadline)) || fail "supervisord (process $pid) is still stopping after 150 s; see $instance/log/supervisord.log."
    sleep 0.2
  done
  echo "supervisor: stopped"
}

remove() {
  stop
  rm -rf "${instance:?}"/{data,etc,log,run,secrets}
  echo "supervisor: removed the data in $instance"
}

[[ -n $instance ]] || fail "usage: supervisor.sh start|stop|remove INSTANCE_DIRECTORY"
case $verb in
  start | stop | remove) "$verb" ;;
  *) fail "usage: supervisor.sh start|stop|remove INSTANCE_DIRECTORY" ;;
esac
