#!/usr/bin/env bash
# The authority and the certificates of a platform, in volumes of their own; LABELS are name=value, separated by blanks:
#
#   certificates.sh authority IMAGE AUTHORITY FILE LABELS         make the authority, and copy its certificate to FILE
#   certificates.sh issue IMAGE AUTHORITY VOLUME NAME HOSTS LABELS    a certificate for the server NAME
#
# HOSTS are the other names and addresses that the server is reached by, separated by blanks.
set -euo pipefail

make_volume() {
  bash "$(dirname "${BASH_SOURCE[0]}")/volumes.sh" make "$@"
}

# run AUTHORITY [OPTIONS OF DOCKER] -- IMAGE VERB…
run() {
  local options=(--volume "$1:/var/lib/music-platform/authority")
  shift
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  # The processor's time as a quota: the engine refuses a limit in cores where the machine has fewer.
  docker run --rm --network none --memory 256m --memory-swap 256m --cpu-period 100000 --cpu-quota 100000 \
    --log-driver json-file --log-opt max-size=1m --log-opt max-file=1 \
    --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges "${options[@]}" "$@"
}

authority() {
  local image=$1 authority=$2 file=$3 certificate
  make_volume "$authority" "$4"
  run "$authority" -- "$image" authority
  certificate=$(run "$authority" -- "$image" show)
  mkdir -p "$(dirname "$file")"
  echo "$certificate" >"$file"
}

issue() {
  local image=$1 authority=$2 volume=$3 name=$4 hosts
  read -ra hosts <<<"$5"
  make_volume "$volume" "$6"
  run "$authority" --volume "$volume:/etc/music-platform/tls" -- "$image" issue "$name" "${hosts[@]}"
}

case ${1:-} in
  authority | issue) "$@" ;;
  *)
    echo "usage: certificates.sh authority IMAGE AUTHORITY FILE LABELS|issue IMAGE AUTHORITY VOLUME NAME HOSTS LABELS" >&2
    exit 2
    ;;
esac
