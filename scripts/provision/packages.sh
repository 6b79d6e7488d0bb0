#!/usr/bin/env bash
# Installs the packages that a component needs, without its own code: packages.sh COMPONENT DIRECTORY
#
# A layer of an image, below that of the component: `install` of its script finds the packages there and adds the rest. So
# a change of our own code, or of that script, installs none of them again.
set -euo pipefail

# shellcheck source=scripts/provision/installation.sh
source "$(dirname "${BASH_SOURCE[0]}")/installation.sh"

[[ $# -eq 2 ]] || usage "COMPONENT DIRECTORY"
packages=$1_packages

install_packages() {
  install_python "$packages" "$1"
  touch "$1/.packages"
}

install_component "$packages" "$2" install_packages
