#!/usr/bin/env bash
# Asks the registry of a running platform whether it would take the contract's schemas: check.sh NETWORK REGISTRY IMAGE
# Where no registry is healthy there is nothing to ask.
set -euo pipefail

if [[ $(docker inspect --format '{{.State.Health.Status}}' "$2" 2>/dev/null) == healthy ]]; then
  exec bash "$(dirname "${BASH_SOURCE[0]}")/../../task/docker/task.sh" "$1" "$2" "$3" schema_registry.sh "" check
fi
