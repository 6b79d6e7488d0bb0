#!/usr/bin/env bash
# Runs one verb of a provisioning script in a container of its own, with the settings and secrets of a running service,
# and ends with it: task.sh NETWORK SERVICE_CONTAINER IMAGE SCRIPT SETTINGS VERB, where SETTINGS are more of them, as
# lines NAME=value.
set -euo pipefail

own=mode=0700,uid=10001,gid=10001
network=$1 service=$2 image=$3 script=$4 verb=$6
more=()
while read -r setting; do
  more+=(${setting:+--env "$setting"})
done <<<"$5"

# Through a pipe: neither a file nor an argument shows the secrets.
settings() {
  docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$service" | grep '^MUSIC_'
}

# The processor's time as a quota: the engine refuses a limit in cores where the machine has fewer.
exec docker run --rm --init --network "$network" --memory 1g --memory-swap 1g --cpu-period 100000 --cpu-quota 200000 \
  --log-driver json-file --log-opt max-size=50m --log-opt max-file=3 --read-only --cap-drop ALL --security-opt no-new-privileges \
  --tmpfs /tmp --tmpfs "/run/music-platform:$own" --tmpfs "/var/lib/music-platform:$own" \
  --volume "$service-tls:/etc/music-platform/tls:ro" --env-file <(settings) "${more[@]}" \
  --entrypoint "/opt/music-platform/provision/$script" "$image" "$verb"
