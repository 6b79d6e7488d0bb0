#!/usr/bin/env bash
# Provisions the producer: producer.sh VERB
#
#   install    unpack it                   configure  make its directory, forget the last report
#   run        become the producer         health     exit 0 when it has reported within 15 s
#
# Settings: MUSIC_PRODUCER_REPORT and the others that the producer itself reads (app/producer).
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

install_producer() {
  install_python producer "$1"
}

configure() {
  require MUSIC_DATA_DIR MUSIC_PRODUCER_REPORT
  own_directory "$MUSIC_DATA_DIR"
  # A report of an earlier run would speak for this one.
  rm -f "$MUSIC_PRODUCER_REPORT"
}

run() {
  require MUSIC_OPT_DIR MUSIC_DATA_DIR
  export PYTHONUNBUFFERED=1
  exec_server "$MUSIC_OPT_DIR/venv/bin/music-producer" run
}

health() {
  require MUSIC_PRODUCER_REPORT
  [[ -n $(find "$MUSIC_PRODUCER_REPORT" -newermt '15 seconds ago' 2>/dev/null) ]] ||
    fail "the producer has not reported to $MUSIC_PRODUCER_REPORT within 15 seconds."
}

case ${1:-} in
  install)
    require MUSIC_OPT_DIR
    install_component producer "$MUSIC_OPT_DIR" install_producer
    ;;
  configure | run | health) "$1" ;;
  *) usage "install|configure|run|health" ;;
esac
