#!/usr/bin/env bash
# The platform's own authority and the certificates of its servers: certificates.sh VERB
#
#   authority            make the authority, unless it is there
#   issue NAME [HOST…]   make a key and a certificate for a server that is reached as NAME or as one of the hosts
#   show                 print the authority's certificate, which clients need
#
# Settings: MUSIC_CA_DIR (the authority's key and certificate), MUSIC_TLS_DIR (what a server gets: ca.pem,
# certificate.pem, key.pem, and server.pem with both of them).
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

umask 077

AUTHORITY_DAYS=3650
# Browsers refuse certificates that are valid for more than 398 days.
CERTIFICATE_DAYS=397

authority() {
  require MUSIC_CA_DIR
  mkdir -p "$MUSIC_CA_DIR"
  # Several servers may ask at the same time.
  exec 9>"$MUSIC_CA_DIR/.lock"
  flock 9
  if [[ ! -s $MUSIC_CA_DIR/ca.pem ]]; then
    openssl ecparam -name prime256v1 -genkey -noout -out "$MUSIC_CA_DIR/key.pem"
    openssl req -x509 -new -sha256 -key "$MUSIC_CA_DIR/key.pem" -days "$AUTHORITY_DAYS" -subj "/CN=Music platform authority" \
      -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
      -out "$MUSIC_CA_DIR/ca.pem.new"
    mv "$MUSIC_CA_DIR/ca.pem.new" "$MUSIC_CA_DIR/ca.pem"
  fi
  exec 9>&-
}

# alternative_names NAME HOST…: as an extension says them.
alternative_names() {
  local host names="DNS:$1,DNS:localhost,IP:127.0.0.1"
  shift
  for host in "$@"; do
    if [[ $host =~ ^[0-9.]+$ ]]; then names+=",IP:$host"; else names+=",DNS:$host"; fi
  done
  echo "$names"
}

issue() {
  require MUSIC_CA_DIR MUSIC_TLS_DIR
  local name=${1:-} made=$MUSIC_TLS_DIR/.new
  [[ -n $name ]] || usage "issue NAME [HOST…]"
  authority
  rm -rf "$made"
  mkdir -p "$made"
  # Kafka reads keys in PKCS 8 only, which is what `genpkey` writes.
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$made/key.pem"
  openssl req -new -key "$made/key.pem" -subj "/CN=$name" -out "$made/request.pem"
  openssl x509 -req -sha256 -in "$made/request.pem" -CA "$MUSIC_CA_DIR/ca.pem" -CAkey "$MUSIC_CA_DIR/key.pem" \
    -set_serial "0x$(openssl rand -hex 16)" -days "$CERTIFICATE_DAYS" -extfile <(
      echo "basicConstraints=critical,CA:FALSE"
      echo "keyUsage=critical,digitalSignature"
      echo "extendedKeyUsage=serverAuth,clientAuth"
      echo "subjectAltName=$(alternative_names "$@")"
    ) -out "$made/certificate.pem" 2>/dev/null
  cat "$made/key.pem" "$made/certificate.pem" >"$made/server.pem"
  cp "$MUSIC_CA_DIR/ca.pem" "$made/ca.pem"
  mv "$made"/{ca,certificate,key,server}.pem "$MUSIC_TLS_DIR/"
  rm -rf "$made"
  say "issued a certificate for $name, valid for $CERTIFICATE_DAYS days"
}

show() {
  require MUSIC_CA_DIR
  cat "$MUSIC_CA_DIR/ca.pem"
}

case ${1:-} in
  authority | issue | show) "$@" ;;
  *) usage "authority|issue NAME [HOST…]|show" ;;
esac
