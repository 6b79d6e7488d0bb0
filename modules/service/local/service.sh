#!/usr/bin/env bash
# One supervised service of a platform on this machine: service.sh VERB
#
#   secrets         keep the secrets of SERVICE_SECRETS in a file that only this user can read
#   deploy          install, configure and (re)start it; return when it is healthy, or stop it again and fail. It is left
#                   alone if it was deployed as SERVICE_VERSION before and is healthy
#   stop            stop it and forget it
#   run             become the server (what the supervisor calls)
#   task VERB       run a verb of the provisioning script with the service's settings
#   probe VERB      the same on the artifacts of SERVICE_ARTIFACTS, if the service is healthy now; else nothing
#
# From the environment: SERVICE_NAME, SERVICE_INSTANCE (the platform's directory), SERVICE_SCRIPT (the provisioning
# script), SERVICE_ROLE (its second argument, or empty), SERVICE_ENVIRONMENT and SERVICE_SECRETS (lines NAME='value'),
# SERVICE_PORTS, SERVICE_HOST, SERVICE_HEALTHY_WITHIN, SERVICE_STOP_WITHIN (seconds), SERVICE_STOP_SIGNAL,
# SERVICE_VERSION (of all that a deployment depends on).
set -euo pipefail

program=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
checkout=$(cd "$(dirname "$program")/../../.." && pwd)
settings_file=$SERVICE_INSTANCE/etc/$SERVICE_NAME.env
secrets_file=$SERVICE_INSTANCE/secrets/$SERVICE_NAME.env
program_file=$SERVICE_INSTANCE/etc/programs/$SERVICE_NAME.conf
version_file=$SERVICE_INSTANCE/etc/$SERVICE_NAME.version
log_file=$SERVICE_INSTANCE/log/$SERVICE_NAME.log

say() {
  echo "$SERVICE_NAME: $*"
}

fail() {
  echo "$SERVICE_NAME: $*" >&2
  exit 1
}

control() {
  "$checkout/.venv/bin/supervisorctl" -c "$SERVICE_INSTANCE/etc/supervisord.conf" "$@"
}

# state: what the supervisor says, as "RUNNING 123" (the process) or "STOPPED", "BACKOFF", …; empty when it does not
# know the service.
state() {
  control status "$SERVICE_NAME" 2>/dev/null | awk '$2 != "ERROR" {print $2, $2 == "RUNNING" ? $4 + 0 : ""}' || true
}

# load SETTINGS_FILE: exports the service's settings and secrets.
load() {
  local file
  set -a
  for file in "$1" "$secrets_file"; do
    if [[ -f $file ]]; then
      # shellcheck disable=SC1090 # written by this script
      source "$file"
    fi
  done
  set +a
}

# provision SETTINGS_FILE VERB: calls the provisioning script, with the role if there is one.
provision() (
  load "$1"
  "$SERVICE_SCRIPT" "$2" ${SERVICE_ROLE:+"$SERVICE_ROLE"}
)

secrets() {
  rm -f "$secrets_file"
  if [[ -z $SERVICE_SECRETS ]]; then
    return
  fi
  umask 077
  printf '%s\n' "$SERVICE_SECRETS" >"$secrets_file.new"
  mv "$secrets_file.new" "$secrets_file"
}

write_program() {
  cat >"$program_file" <<PROGRAM
; Written by modules/service/local; changes here are lost.
[program:$SERVICE_NAME]
command=bash "$program" run
environment=SERVICE_NAME="$SERVICE_NAME",SERVICE_INSTANCE="$SERVICE_INSTANCE",SERVICE_SCRIPT="$SERVICE_SCRIPT",SERVICE_ROLE="${SERVICE_ROLE:-}"
autostart=true
autorestart=true
startsecs=1
; It tries again, a second later each time, until it is stopped.
startretries=1000000
stopsignal=$SERVICE_STOP_SIGNAL
stopwaitsecs=$SERVICE_STOP_WITHIN
killasgroup=true
redirect_stderr=true
stdout_logfile=$log_file
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=3
PROGRAM
}

is_taken() {
  (exec 3<>"/dev/tcp/$SERVICE_HOST/$1") 2>/dev/null
}

# A process of the service that the supervisor does not watch may hold a port for a moment after the service has ended:
# the JVM of a stream job outlives its Python by a second or two.
require_free_ports() {
  local port deadline=$((SECONDS + 10))
  for port in $SERVICE_PORTS; do
    while is_taken "$port"; do
      ((SECONDS < deadline)) ||
        fail "port $port of $SERVICE_HOST is taken by another program: stop that one, or choose other ports with port_offset."
      sleep 0.1
    done
  done
}

stop() {
  rm -f "$version_file"
  if [[ ! -S $SERVICE_INSTANCE/run/supervisor.sock ]] || [[ -z $(state) ]]; then
    rm -f "$program_file"
    return
  fi
  say "stopping"
  control stop "$SERVICE_NAME" >/dev/null
  rm -f "$program_file"
  control update "$SERVICE_NAME" >/dev/null 2>&1 || true
}

# give_up SENTENCE: leaves nothing half-started behind.
give_up() {
  stop >/dev/null 2>&1 || true
  {
    echo "$SERVICE_NAME: $1 It was stopped again. The end of $log_file:"
    tail -n 20 "$log_file" 2>/dev/null | cut -c 1-300 | sed 's/^/  /'
  } >&2
  exit 1
}

await_health() {
  local started=$EPOCHREALTIME deadline=$((SECONDS + SERVICE_HEALTHY_WITHIN)) next_word=$((SECONDS + 2))
  local last="" now ends=0 answer
  while true; do
    now=$(state)
    # Another process than before, or none while the supervisor pauses before the next try: the last one has ended.
    if [[ $now == BACKOFF* || ($last == RUNNING* && $now != "$last") ]]; then
      ends=$((ends + 1))
    fi
    last=$now
    if ((ends > 4)); then
      give_up "it ends again and again right after its start."
    fi
    # Asked again after the answer: the process that gave it must still be there.
    if answer=$(provision "$settings_file" health 2>&1) && [[ $now == RUNNING* && $now == "$(state)" ]]; then
      say "healthy after $(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
      return
    fi
    if ((SECONDS >= deadline)); then
      give_up "it is not healthy after $SERVICE_HEALTHY_WITHIN s: ${answer#*: }"
    fi
    if ((SECONDS >= next_word)); then
      say "still waiting: ${answer#*: }"
      next_word=$((SECONDS + 10))
    fi
    sleep 0.5
  done
}

# is_deployed: whether this very version is there and healthy. Terraform forgets what it was about to replace when a
# deployment is refused; who takes the change back then deploys what runs already.
is_deployed() {
  [[ -f $version_file && $(<"$version_file") == "$SERVICE_VERSION" && $(state) == RUNNING* ]] &&
    provision "$settings_file" health 2>/dev/null
}

deploy() {
  if is_deployed; then
    say "runs as it should already"
    return
  fi
  umask 022
  printf '%s\n' "$SERVICE_ENVIRONMENT" >"$settings_file.new"
  # Until the new version is installed, the old one keeps running with its old settings.
  provision "$settings_file.new" install
  stop
  require_free_ports
  mv "$settings_file.new" "$settings_file"
  provision "$settings_file" configure
  trap 'give_up "the deployment was interrupted."' INT TERM
  say "starting"
  write_program
  control reread >/dev/null
  control update "$SERVICE_NAME" >/dev/null
  await_health
  echo "$SERVICE_VERSION" >"$version_file"
}

case ${1:-} in
  secrets | deploy | stop) "$1" ;;
  run)
    load "$settings_file"
    exec "$SERVICE_SCRIPT" run ${SERVICE_ROLE:+"$SERVICE_ROLE"}
    ;;
  task) provision "$settings_file" "$2" ;;
  probe)
    if [[ -f $settings_file ]] && provision "$settings_file" health 2>/dev/null; then
      load "$settings_file"
      # The running service may be of another checkout or of an earlier release, and name the artifacts of that.
      MUSIC_ARTIFACTS_DIR=$SERVICE_ARTIFACTS "$SERVICE_SCRIPT" "$2"
    fi
    ;;
  *) fail "usage: service.sh secrets|deploy|stop|run|task VERB|probe VERB" ;;
esac
