#!/usr/bin/env bash
# What a container runs: container.sh SCRIPT [ROLE], which configures by the provisioning script, then becomes the
# server. When the server ends, the engine starts the container again.
set -euo pipefail

script=$(dirname "${BASH_SOURCE[0]}")/$1
shift
"$script" configure "$@"
exec "$script" run "$@"
