#!/usr/bin/env bash
# The volumes of a platform:
#
#   volumes.sh make VOLUME LABELS    make one, unless it is there; LABELS are name=value, separated by blanks
#   volumes.sh keep|remove NAME      what becomes of all of them when the platform NAME is destroyed
set -euo pipefail

verb=${1:-}

make() {
  local label labels=()
  for label in $2; do
    labels+=(--label "$label")
  done
  docker volume create "${labels[@]}" "$1" >/dev/null
}

keep() {
  echo "engine: the data of $1 stays in its volumes"
}

remove() {
  docker volume ls --quiet --filter "label=music-platform.name=$1" | xargs --no-run-if-empty docker volume rm >/dev/null
  echo "engine: removed the volumes of $1"
}

case $verb in
  make | keep | remove) "$@" ;;
  *)
    echo "usage: volumes.sh make VOLUME LABELS|keep NAME|remove NAME" >&2
    exit 2
    ;;
esac
