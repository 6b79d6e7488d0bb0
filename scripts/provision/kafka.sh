#!/usr/bin/env bash
# Provisions a Kafka broker in KRaft mode (broker and controller in one process): kafka.sh VERB
#
#   install    unpack the broker           configure  write its configuration, format its storage once
#   run        become the broker           health     exit 0 when it answers
#   topics     create and adjust the topics of the contract
#
# Settings: MUSIC_KAFKA_HOST (bound and advertised), MUSIC_KAFKA_BIND (bound instead, as 0.0.0.0 in a container),
# MUSIC_KAFKA_PORT, MUSIC_KAFKA_CONTROLLER_PORT, MUSIC_KAFKA_NODE_ID, MUSIC_KAFKA_BROKER_COUNT, MUSIC_KAFKA_HEAP;
# with several brokers also MUSIC_KAFKA_CLUSTER_ID and MUSIC_KAFKA_CONTROLLERS (1@host:port,2@host:port).
# `topics` installs the contract into MUSIC_CONTRACT_DIR; MUSIC_TOPIC_OVERRIDES (TOPIC.FIELD=VALUE, separated by
# blanks) changes partitions or retention_ms.
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

install_jars() {
  cp "$MUSIC_ARTIFACTS_DIR"/jars/kafka/*.jar "$1/"
}

install_contract() {
  install_python contract "$1"
}

# With three brokers or more an acknowledged record survives the loss of one of them; with fewer there is nothing to
# replicate to, and asking for it would only stop the writes.
replication_factor() {
  echo $((MUSIC_KAFKA_BROKER_COUNT < 3 ? MUSIC_KAFKA_BROKER_COUNT : 3))
}

min_in_sync() {
  echo $((MUSIC_KAFKA_BROKER_COUNT < 3 ? 1 : 2))
}

server_properties() {
  local bind=${MUSIC_KAFKA_BIND:-$MUSIC_KAFKA_HOST} replicas in_sync
  replicas=$(replication_factor)
  in_sync=$(min_in_sync)
  cat <<PROPERTIES
# Written by scripts/provision/kafka.sh; changes here are lost.

process.roles=broker,controller
node.id=$MUSIC_KAFKA_NODE_ID
controller.quorum.voters=${MUSIC_KAFKA_CONTROLLERS:-$MUSIC_KAFKA_NODE_ID@$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_CONTROLLER_PORT}
listeners=PLAINTEXT://$bind:$MUSIC_KAFKA_PORT,CONTROLLER://$bind:$MUSIC_KAFKA_CONTROLLER_PORT
advertised.listeners=PLAINTEXT://$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$MUSIC_DATA_DIR/log

# Durability. The producers write with acks=all, so a record is acknowledged when min.insync.replicas hold it; a
# replica that was not in sync never becomes leader, because that would drop acknowledged records.
default.replication.factor=$replicas
min.insync.replicas=$in_sync
unclean.leader.election.enable=false
offsets.topic.replication.factor=$replicas
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync

# Topics are data of the contract: a misspelled name must fail, not become a topic with other settings.
auto.create.topics.enable=false

# The largest record is Kafka's own default, said here because consumers and the dead letters rely on it.
message.max.bytes=1048588

# A few consumer groups need no 50 partitions of offsets, each with open files.
offsets.topic.num.partitions=10
transaction.state.log.num.partitions=10
# Consumers start one by one here; waiting 3 s for more of them only delays the first.
group.initial.rebalance.delay.ms=100
# Compaction of small dimension topics: the default takes 128 MiB of the heap.
log.cleaner.dedupe.buffer.size=33554432
# Sized for two cores.
num.network.threads=2
num.io.threads=4
PROPERTIES
}

logging_properties() {
  cat <<'PROPERTIES'
# Written by scripts/provision/kafka.sh. To standard output: the supervisor, Docker or systemd keeps and rotates it.
status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = stdout
# These print the whole configuration, or a line for each segment.
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
logger.segments.name = org.apache.kafka.storage.internals.log
logger.segments.level = warn
PROPERTIES
}

configure() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_KAFKA_HOST MUSIC_KAFKA_PORT \
    MUSIC_KAFKA_CONTROLLER_PORT MUSIC_KAFKA_NODE_ID MUSIC_KAFKA_BROKER_COUNT
  server_properties | write_config kafka.properties
  logging_properties | write_config kafka-log4j2.properties
  own_directory "$MUSIC_DATA_DIR"
  if [[ -f $MUSIC_DATA_DIR/log/meta.properties ]]; then
    return
  fi
  say "formatting the storage"
  java_tool kafka.tools.StorageTool format --cluster-id "$(cluster_id)" --config "$MUSIC_CONFIG_DIR/kafka.properties" >/dev/null
}

cluster_id() {
  if [[ -n ${MUSIC_KAFKA_CLUSTER_ID:-} ]]; then
    echo "$MUSIC_KAFKA_CLUSTER_ID"
    return
  fi
  [[ $MUSIC_KAFKA_BROKER_COUNT -eq 1 ]] || fail "MUSIC_KAFKA_CLUSTER_ID is missing: several brokers need the same one."
  # 16 bytes in URL-safe base64; the first letter is fixed since a leading hyphen would look like an option.
  echo "M$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)"
}

java_tool() {
  local java
  java=$(require_java 17)
  as_runner "$java" -Xmx128m -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$MUSIC_CONFIG_DIR/kafka-log4j2.properties" \
    -cp "$MUSIC_OPT_DIR/*" "$@"
}

run() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR
  local java heap=${MUSIC_KAFKA_HEAP:-512m}
  java=$(require_java 17)
  exec_server "$java" "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError \
    -Djava.awt.headless=true "-Dlog4j2.configurationFile=$MUSIC_CONFIG_DIR/kafka-log4j2.properties" \
    -cp "$MUSIC_OPT_DIR/*" kafka.Kafka "$MUSIC_CONFIG_DIR/kafka.properties"
}

health() {
  require MUSIC_KAFKA_HOST MUSIC_KAFKA_PORT
  # An ApiVersions request (key 18, version 0, correlation id 1, no client id); the answer repeats the id.
  local answer
  answer=$(ask "$MUSIC_KAFKA_HOST" "$MUSIC_KAFKA_PORT" '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff' 8) || true
  [[ ${answer:8} == 00000001 ]] || fail "the broker does not answer on $MUSIC_KAFKA_HOST:$MUSIC_KAFKA_PORT."
}

topics() {
  require MUSIC_CONTRACT_DIR MUSIC_KAFKA_HOST MUSIC_KAFKA_PORT MUSIC_KAFKA_BROKER_COUNT
  install_component contract "$MUSIC_CONTRACT_DIR" install_contract
  local overrides=() override
  for override in ${MUSIC_TOPIC_OVERRIDES:-}; do
    overrides+=(--set "$override")
  done
  "$MUSIC_CONTRACT_DIR/venv/bin/music-contract" topics apply --bootstrap-servers "$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_PORT" \
    --broker-count "$MUSIC_KAFKA_BROKER_COUNT" "${overrides[@]}"
}

case ${1:-} in
  install)
    require MUSIC_OPT_DIR
    install_component kafka "$MUSIC_OPT_DIR" install_jars
    ;;
  configure | run | health | topics) "$1" ;;
  *) usage "install|configure|run|health|topics" ;;
esac
