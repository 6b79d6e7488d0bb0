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

# shellcheck source=scripts/provision/installation.sh
source "$(dirname "${BASH_SOURCE[0]}")/installation.sh"

# What every client of PostgreSQL reads, whatever its language.
if [[ -n ${MUSIC_TLS_DIR:-} ]]; then
  export PGSSLMODE=verify-full PGSSLROOTCERT=$MUSIC_TLS_DIR/ca.pem
fi

# --- Running -----------------------------------------------------------------------------------------------------------

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
