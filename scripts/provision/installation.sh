# shellcheck shell=bash
# What a provisioning script needs to install a component; sourced by platform.sh, which adds what it needs to run one.
# A file of its own, because images install packages again when it has changed.

MUSIC_RUN_AS=${MUSIC_RUN_AS:-nobody}
COMPONENT=$(basename "$0" .sh)
PROVISION_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() {
  echo "$COMPONENT: $*"
}

fail() {
  echo "$COMPONENT: $*" >&2
  exit 1
}

usage() {
  echo "usage: $(basename "$0") $1" >&2
  exit 2
}

# require NAME...: every named setting is in the environment.
require() {
  local name
  for name in "$@"; do
    [[ -n ${!name:-} ]] || fail "the setting $name is missing: put it into the environment (see scripts/provision/README.md)."
  done
}

# --- Users -----------------------------------------------------------------------------------------------------------

is_root() {
  [[ $EUID -eq 0 ]]
}

# privileges: the words that start a program as the unprivileged user, in the array PRIVILEGES.
privileges() {
  PRIVILEGES=(setpriv --no-new-privs)
  if is_root; then
    local group
    group=$(id -g "$MUSIC_RUN_AS" 2>/dev/null) || fail "there is no user $MUSIC_RUN_AS: set MUSIC_RUN_AS to one that exists."
    PRIVILEGES+=(--reuid "$MUSIC_RUN_AS" --regid "$group" --clear-groups)
  fi
}

# as_runner COMMAND...: runs a command as the unprivileged user.
as_runner() {
  privileges
  HOME=$MUSIC_DATA_DIR "${PRIVILEGES[@]}" -- "$@"
}

# --- Installation ----------------------------------------------------------------------------------------------------

# install_component COMPONENT DIRECTORY FUNCTION: fills a directory by the function, once for each content.
#
# The files are compared with the manifest first. Several instances may install at the same time: one does it, the
# others wait. The stamp is written last, so a broken installation is repeated.
install_component() {
  local component=$1 directory=$2 fill=$3 digest on_exit started=$SECONDS
  require MUSIC_ARTIFACTS_DIR
  digest=$(manifest digest "$component")
  if [[ -f $directory/.installed && $(<"$directory/.installed") == "$digest" ]]; then
    return
  fi
  umask 022
  mkdir -p "$(dirname "$directory")"
  exec 9>"$directory.lock"
  flock 9
  if [[ ! -f $directory/.installed || $(<"$directory/.installed") != "$digest" ]]; then
    say "installing $component into $directory"
    manifest verify "$component"
    printf -v on_exit 'report_broken_installation %q %q' "$component" "$directory"
    # shellcheck disable=SC2064 # expanded now: at the exit, this function is over
    trap "$on_exit" EXIT
    # What packages.sh has left there is a part of it.
    [[ -f $directory/.packages ]] || rm -rf "$directory"
    mkdir -p "$directory"
    "$fill" "$directory"
    # Only where it is needed: in an image a file of a layer below would be copied with its new rights.
    find "$directory" \( -perm -u=x ! -perm -go=rx -o ! -perm -go=r \) ! -type l -exec chmod go+rX {} +
    echo "$digest" >"$directory/.installed"
    trap - EXIT
    say "installed $component in $((SECONDS - started)) s"
  fi
  exec 9>&-
}

# What a program says of a full disk is no sentence, and names no remedy.
report_broken_installation() {
  local parent free
  parent=$(dirname "$2")
  free=$(df -Pm "$parent" | awk 'NR == 2 { print $4 }')
  echo "$COMPONENT: installing $1 into $2 broke off, with $free MiB free on its disk: make room if that is too little, then try again." >&2
}

# manifest VERB COMPONENT: asks the manifest of the artifacts.
manifest() {
  command -v python3 >/dev/null || fail "python3 is missing: install Python 3.11 or newer."
  python3 "$PROVISION_DIR/manifest.py" "$1" "$MUSIC_ARTIFACTS_DIR" "${2:-}"
}

# installer DIRECTORY: unpacks the program that installs wheels into a directory, and prints where it is.
installer() {
  python3 -m zipfile -e "$MUSIC_ARTIFACTS_DIR"/wheels/uv-*.whl "$1" || fail "the installer's wheel cannot be unpacked."
  chmod +x "$1"/uv-*.data/scripts/uv
  echo "$1"/uv-*.data/scripts/uv
}

# install_wheels COMPONENT WHERE...: installs the component's wheels from the artifacts and from nowhere else; WHERE
# are options that say into what.
install_wheels() {
  local component=$1 temporary uv
  shift
  temporary=$(mktemp -d)
  uv=$(installer "$temporary")
  # --no-config and --no-index: the machine's own settings must not bring in an index.
  "$uv" pip install --quiet --no-config --no-cache --offline --no-index --no-deps --link-mode copy --compile-bytecode \
    --find-links "$MUSIC_ARTIFACTS_DIR/wheels" --require-hashes \
    --requirement "$MUSIC_ARTIFACTS_DIR/requirements/$component.txt" "$@"
  rm -rf "$temporary"
}

# install_python COMPONENT DIRECTORY: makes DIRECTORY/venv with the component's packages, without a network.
install_python() {
  local component=$1 directory=$2 python
  python=$(find_python)
  [[ -d $directory/venv ]] || "$python" -m venv --without-pip "$directory/venv"
  install_wheels "$component" --python "$directory/venv/bin/python"
}

# find_python [VERSION]: the first Python of the version that the wheels are for, or of another one, which the
# unprivileged user can run too (one below /root, for example, it cannot).
find_python() {
  local version=${1:-} candidate path
  [[ -n $version ]] || version=$(manifest python)
  for candidate in ${MUSIC_PYTHON:+"$MUSIC_PYTHON"} "python$version" /usr/bin/python3 "/usr/local/bin/python$version" python3; do
    path=$(command -v "$candidate") || continue
    path=$("$path" -c "import sys; sys.exit(sys.version_info[:2] != (${version/./, })); " &&
      "$path" -c 'import os, sys; print(os.path.realpath(sys.executable))') || continue
    if runner_can_execute "$path"; then
      echo "$path"
      return
    fi
  done
  fail "no Python $version was found that the user $(runner_name) can run: install python$version, or name one with MUSIC_PYTHON."
}

runner_name() {
  if is_root; then echo "$MUSIC_RUN_AS"; else id -un; fi
}

# A shell is started first: setpriv itself would still find the program with root's rights.
runner_can_execute() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  MUSIC_DATA_DIR=/ as_runner bash -c '"$0" -c "import ssl, venv" 2>/dev/null || "$0" -version 2>/dev/null' "$1"
}
