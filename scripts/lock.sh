#!/usr/bin/env bash
# Renews the locks: scripts/lock.sh UV COMPONENT...
#
# dev.txt decides every version; a component's lock is the part of it that the component needs, so that tests run
# with what is deployed. `UPGRADE=1` takes the newest versions, else only what a changed .in file asks for changes.
set -euo pipefail

uv=$1
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."

options=(--quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11)
# The own distributions come from this checkout, never from an index.
for package in music-contract music-producer music-spark music-platform; do
  options+=(--no-emit-package "$package")
done
if [[ ${UPGRADE:-0} == 1 ]]; then
  options+=(--upgrade)
fi

compile() {
  local name=$1
  shift
  echo "lock: requirements/$name.txt"
  "$uv" pip compile "${options[@]}" "$@" "requirements/$name.in" --output-file "requirements/$name.txt" >/dev/null
  # uv ends with a comment that lists the packages left out; it says nothing that this script does not.
  sed -i '/^#/d' "requirements/$name.txt"
}

compile bootstrap
compile dev
# Superset and the scanner run apart from all else, and pin older versions of much of it.
compile superset
compile scan
for component in "$@"; do
  compile "$component" --constraint requirements/dev.txt --constraint requirements/bootstrap.txt
done
