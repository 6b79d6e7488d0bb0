# shellcheck shell=bash
# What all provisioning scripts share; sourced by them.
#
# A script gets every setting from the environment, so that a systemd unit's EnvironmentFile, a container's
# environment and the local supervisor's env file serve alike:
#   MUSIC_ARTIFACTS_DIR  the artifacts with their manifest.json (needed by `install` only)
#   MUSIC_OPT_DIR        where the component is installed
#   MUSIC_CONFIG_DIR     where `configure` writes configuration files
#   MUSIC_DATA_DIR       the component's data
#   MUSIC_RUN_AS         the user to become when started as root (default: nobody)
#   MUSIC_TLS_DIR        where certificates.sh has put the component's certificate; without it connections are plain

MUSIC_RUN_AS=${MUSIC_RUN_AS:-nobody}
COMPONENT=$(basename "$0" .sh)
PROVISION_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What every client of PostgreSQL reads, whatever its language.
if [[ -n ${MUSIC_TLS_DIR:-} ]]; then
  export PGSSLMODE=verify-full PGSSLROOTCERT=$MUSIC_TLS_DIR/ca.pem
fi

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

# exec_server COMMAND...: becomes the server. It is told to stop when its supervisor dies: orphans would keep the
# ports that the next start needs. (PID 1 of a container or of systemd does not die before its children.)
exec_server() {
  privileges
  cd "$MUSIC_DATA_DIR" || fail "the data directory $MUSIC_DATA_DIR is missing: run \`configure\` first."
  HOME=$MUSIC_DATA_DIR exec "${PRIVILEGES[@]}" --pdeathsig "${MUSIC_PARENT_DEATH_SIGNAL:-TERM}" -- "$@"
}

# own_directory DIRECTORY: makes a directory that belongs to the unprivileged user alone.
own_directory() {
  mkdir -p "$1"
  if is_root && [[ $(stat -c %U "$1") != "$MUSIC_RUN_AS" ]]; then
    chown -R "$MUSIC_RUN_AS:$(id -g "$MUSIC_RUN_AS")" "$1"
  fi
  chmod 0700 "$1"
}

# write_config NAME: writes its input to a file of MUSIC_CONFIG_DIR that the unprivileged user may read.
write_config() {
  mkdir -p "$MUSIC_CONFIG_DIR"
  local file=$MUSIC_CONFIG_DIR/$1
  cat >"$file.new"
  chmod 0644 "$file.new"
  mv "$file.new" "$file"
}

# write_secret NAME: the same for a file that nobody else may read.
write_secret() {
  (
    umask 077
    mkdir -p "$MUSIC_CONFIG_DIR"
    cat >"$MUSIC_CONFIG_DIR/$1.new"
  )
  if is_root; then
    chown "$MUSIC_RUN_AS" "$MUSIC_CONFIG_DIR/$1.new"
  fi
  mv "$MUSIC_CONFIG_DIR/$1.new" "$MUSIC_CONFIG_DIR/$1"
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
    rm -rf "$directory"
    mkdir -p "$directory"
    "$fill" "$directory"
    chmod -R go+rX "$directory"
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
  "$python" -m venv --without-pip "$directory/venv"
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

# --- Java ------------------------------------------------------------------------------------------------------------

# find_java VERSION: the java program of JAVA_HOME or the PATH if it is at least that version; nothing otherwise.
find_java() {
  local java version
  java=${JAVA_HOME:+$JAVA_HOME/bin/java}
  java=$(command -v "${java:-java}") || return 0
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p;T;q')
  if [[ ${version:-0} -ge $1 ]]; then
    echo "$java"
  fi
}

# require_java VERSION: the same, or a sentence with the remedy.
require_java() {
  local java
  java=$(find_java "$1")
  [[ -n $java ]] || fail "Java $1 or newer is needed: install one (Debian: apt-get install openjdk-17-jre-headless) or point JAVA_HOME to it."
  echo "$java"
}

# --- Health ----------------------------------------------------------------------------------------------------------

# ask HOST PORT BYTES COUNT: sends BYTES (printf notation) and prints up to COUNT bytes of the answer in hex.
ask() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout 5 bash -c '
    exec 3<>"/dev/tcp/$0/$1" || exit 1
    printf "$2" >&3
    head -c "$3" <&3 | od -An -v -tx1 | tr -d " \n"
  ' "$1" "$2" "$3" "$4" 2>/dev/null
}

# http_get HOST PORT PATH: prints the body of a successful answer.
http_get() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout 5 bash -c '
    exec 3<>"/dev/tcp/$0/$1" || exit 1
    printf "GET %s HTTP/1.0\r\nHost: %s\r\nAccept: */*\r\n\r\n" "$2" "$0" >&3
    read -r _ status _ <&3
    [[ $status == 2* ]] || exit 1
    sed "1,/^\r*$/d" <&3
  ' "$1" "$2" "$3" 2>/dev/null
}
