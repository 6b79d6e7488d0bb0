#!/usr/bin/env bash
# Provisions a Kafka broker in KRaft mode (broker and controller in one process): kafka.sh VERB
#
#   install    unpack the broker           configure  write its configuration, format its storage once
#   run        become the broker           health     exit 0 when it answers
#   topics     create and adjust the topics of the contract
#   access     make the users of the contract and what each of them may do
#   replicate  copy the partitions that were made when there were fewer brokers to as many as there are now, and make
#              Kafka's own topics with so many copies
#   install contract    unpack only what `topics` needs
#
# Settings: MUSIC_KAFKA_HOST (bound and advertised), MUSIC_KAFKA_BIND (bound instead, as 0.0.0.0 in a container),
# MUSIC_KAFKA_PORT, MUSIC_KAFKA_CONTROLLER_PORT, MUSIC_KAFKA_NODE_ID, MUSIC_KAFKA_BROKER_COUNT, MUSIC_KAFKA_HEAP;
# with several brokers also MUSIC_KAFKA_CLUSTER_ID and MUSIC_KAFKA_QUORUM (host:port of every controller, separated by
# commas; the broker whose number is 1 founds the quorum, the others join it).
# For clients outside of the brokers' network: MUSIC_KAFKA_PUBLISHED_PORT (bound) and MUSIC_KAFKA_PUBLISHED_ADDRESS
# (host:port by which they reach it).
# With MUSIC_TLS_DIR all connections are encrypted. Clients then show a user and a password, and may do only what
# `access` has given them; brokers and whoever administers them show their certificates to MUSIC_KAFKA_BROKER_PORT, and
# MUSIC_KAFKA_ADMINISTRATORS are the names on the certificates that may do everything, separated by blanks.
# `access` reads MUSIC_KAFKA_PRODUCER_PASSWORD, _STREAM_PASSWORD, _OPERATOR_PASSWORD.
# `topics` installs the contract into MUSIC_CONTRACT_DIR; MUSIC_TOPIC_OVERRIDES (TOPIC.FIELD=VALUE, separated by
# blanks) changes partitions or retention_ms.
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

HEALTH_PORT=9095
# Of each topic that Kafka makes for itself: a few groups of consumers need no 50, each with open files.
OWN_PARTITIONS=10

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

# Either one controller for good, or a quorum that others may join.
quorum() {
  if [[ -z ${MUSIC_KAFKA_QUORUM:-} ]]; then
    echo "controller.quorum.voters=$MUSIC_KAFKA_NODE_ID@$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_CONTROLLER_PORT"
  else
    echo "controller.quorum.bootstrap.servers=$MUSIC_KAFKA_QUORUM"
    echo "controller.quorum.auto.join.enable=true"
  fi
}

is_secured() {
  [[ -n ${MUSIC_TLS_DIR:-} ]]
}

# listeners PROTOCOL_OF_CLIENTS PROTOCOL_OF_BROKERS: who connects where, and how.
listeners() {
  local bind=${MUSIC_KAFKA_BIND:-$MUSIC_KAFKA_HOST} bound advertised protocols brokers=CLIENTS
  bound=CLIENTS://$bind:$MUSIC_KAFKA_PORT,CONTROLLER://$bind:$MUSIC_KAFKA_CONTROLLER_PORT
  advertised=CLIENTS://$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_PORT
  protocols=CLIENTS:$1,CONTROLLER:$2
  if [[ -n ${MUSIC_KAFKA_PUBLISHED_PORT:-} ]]; then
    bound+=,PUBLISHED://$bind:$MUSIC_KAFKA_PUBLISHED_PORT
    advertised+=,PUBLISHED://$MUSIC_KAFKA_PUBLISHED_ADDRESS
    protocols+=,PUBLISHED:$1
  fi
  if is_secured; then
    brokers=BROKERS
    # From inside this machine one may ask whether the broker answers; nobody has any rights there.
    bound+=,BROKERS://$bind:$MUSIC_KAFKA_BROKER_PORT,HEALTH://127.0.0.1:$HEALTH_PORT
    advertised+=,BROKERS://$MUSIC_KAFKA_HOST:$MUSIC_KAFKA_BROKER_PORT,HEALTH://127.0.0.1:$HEALTH_PORT
    protocols+=,BROKERS:$2,HEALTH:PLAINTEXT
  fi
  cat <<PROPERTIES
listeners=$bound
advertised.listeners=$advertised
listener.security.protocol.map=$protocols
inter.broker.listener.name=$brokers
controller.listener.names=CONTROLLER
PROPERTIES
}

security() {
  if ! is_secured; then
    listeners PLAINTEXT PLAINTEXT
    return
  fi
  local name administrators=""
  for name in ${MUSIC_KAFKA_ADMINISTRATORS:-}; do
    administrators+="${administrators:+;}User:CN=$name"
  done
  listeners SASL_SSL SSL
  keystore
  for name in clients published; do
    echo "listener.name.$name.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
  done
  cat <<PROPERTIES
listener.name.brokers.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=$administrators
PROPERTIES
}

# The own certificate, and the authority that those of others must come from.
keystore() {
  cat <<PROPERTIES
ssl.keystore.type=PEM
ssl.keystore.location=$MUSIC_TLS_DIR/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$MUSIC_TLS_DIR/ca.pem
PROPERTIES
}

server_properties() {
  local replicas in_sync
  replicas=$(replication_factor)
  in_sync=$(min_in_sync)
  cat <<PROPERTIES
# Written by scripts/provision/kafka.sh; changes here are lost.

process.roles=broker,controller
node.id=$MUSIC_KAFKA_NODE_ID
$(quorum)
$(security)
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

offsets.topic.num.partitions=$OWN_PARTITIONS
transaction.state.log.num.partitions=$OWN_PARTITIONS
share.coordinator.state.topic.num.partitions=$OWN_PARTITIONS
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
  local quorum=()
  if [[ -n ${MUSIC_KAFKA_QUORUM:-} ]]; then
    if [[ $MUSIC_KAFKA_NODE_ID -eq 1 ]]; then quorum=(--standalone); else quorum=(--no-initial-controllers); fi
  fi
  java_tool kafka.tools.StorageTool format --cluster-id "$(cluster_id)" --config "$MUSIC_CONFIG_DIR/kafka.properties" \
    "${quorum[@]}" >/dev/null
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
  local host=$MUSIC_KAFKA_HOST port=$MUSIC_KAFKA_PORT
  # An ApiVersions request (key 18, version 0, correlation id 1, no client id); the answer repeats the id.
  local answer
  if is_secured; then
    host=127.0.0.1 port=$HEALTH_PORT
  fi
  answer=$(ask "$host" "$port" '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff' 8) || true
  [[ ${answer:8} == 00000001 ]] || fail "the broker does not answer on $host:$port."
}

# administration: where a broker takes orders.
administration() {
  echo "$MUSIC_KAFKA_HOST:${MUSIC_KAFKA_BROKER_PORT:-$MUSIC_KAFKA_PORT}"
}

access() {
  require MUSIC_CONTRACT_DIR MUSIC_KAFKA_HOST MUSIC_KAFKA_BROKER_PORT MUSIC_TLS_DIR
  install_component contract "$MUSIC_CONTRACT_DIR" install_contract
  "$MUSIC_CONTRACT_DIR/venv/bin/music-contract" access apply --bootstrap-servers "$(administration)"
}

# administrator CLASS ARGUMENTS: one of Kafka's own tools, which shows the certificate of this service.
administrator() {
  java_tool "$1" --bootstrap-server "$(administration)" --command-config "$MUSIC_CONFIG_DIR/administrator.properties" "${@:2}" \
    </dev/null
}

replicate() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_KAFKA_HOST MUSIC_KAFKA_PORT MUSIC_KAFKA_BROKER_COUNT
  local there
  if is_secured; then
    { echo "security.protocol=SSL" && keystore; } | write_config administrator.properties
  else
    write_config administrator.properties </dev/null
  fi
  logging_properties | sed 's/^rootLogger.level.*/rootLogger.level = error/' | write_config kafka-log4j2.properties
  there=$(administrator org.apache.kafka.tools.TopicCommand --describe)
  copy_partitions "$there"
  [[ $MUSIC_KAFKA_BROKER_COUNT -eq 1 ]] || keep_own_topics "$there"
}

# copy_partitions TOPICS: those of them that have fewer copies than there are brokers.
copy_partitions() {
  local plan=$MUSIC_DATA_DIR/replication.json answer deadline=$((SECONDS + 600))
  python3 "$PROVISION_DIR/replication.py" "$MUSIC_KAFKA_BROKER_COUNT" <<<"$1" >"$plan"
  if [[ ! -s $plan ]]; then
    return
  fi
  say "copying $(grep -o '"topic"' "$plan" | wc -l) partitions to further brokers"
  reassign "$plan" --execute >/dev/null
  until answer=$(reassign "$plan" --verify) && [[ $answer != *"still in progress"* ]]; do
    ((SECONDS < deadline)) || fail "the partitions are not copied after 10 minutes; they will be, ask again later: $answer"
    say "$(grep -c 'still in progress' <<<"$answer") partitions are being copied"
    sleep 2
  done
  [[ $answer != *"There is no active"* && $answer != *failed* ]] || fail "partitions could not be copied: $answer"
}

reassign() {
  administrator org.apache.kafka.tools.reassign.ReassignPartitionsCommand --reassignment-json-file "$1" "$2"
}

# What Kafka makes for itself at the first use, and the settings that it makes it with: NAME SETTINGS.
own_topics() {
  cat <<'TOPICS'
__consumer_offsets cleanup.policy=compact compression.type=producer segment.bytes=104857600
__transaction_state cleanup.policy=compact compression.type=uncompressed segment.bytes=104857600 unclean.leader.election.enable=false
__share_group_state cleanup.policy=delete compression.type=producer segment.bytes=104857600 retention.ms=-1
TOPICS
}

# keep_own_topics TOPICS: a broker that began alone would make them with one copy, whatever has joined it since. Those
# that there are have their copies by now: asked for a second one in sync any earlier, they would take no writes.
keep_own_topics() {
  local name settings durable
  durable=min.insync.replicas=$(min_in_sync)
  while read -ra settings; do
    name=${settings[0]} settings=("${settings[@]:1}" "$durable")
    if [[ $1 == *"Topic: $name"$'\t'* ]]; then
      administrator kafka.admin.ConfigCommand --alter --entity-type topics --entity-name "$name" --add-config "$durable"
    else
      administrator org.apache.kafka.tools.TopicCommand --create --topic "$name" --partitions "$OWN_PARTITIONS" \
        --replication-factor "$(replication_factor)" "${settings[@]/#/--config=}"
    fi >/dev/null
  done < <(own_topics)
}

topics() {
  require MUSIC_CONTRACT_DIR MUSIC_KAFKA_HOST MUSIC_KAFKA_PORT MUSIC_KAFKA_BROKER_COUNT
  install_component contract "$MUSIC_CONTRACT_DIR" install_contract
  local overrides=() override
  for override in ${MUSIC_TOPIC_OVERRIDES:-}; do
    overrides+=(--set "$override")
  done
  "$MUSIC_CONTRACT_DIR/venv/bin/music-contract" topics apply --bootstrap-servers "$(administration)" \
    --broker-count "$MUSIC_KAFKA_BROKER_COUNT" "${overrides[@]}"
}

case ${1:-} in
  install)
    if [[ ${2:-} == contract ]]; then
      require MUSIC_CONTRACT_DIR
      install_component contract "$MUSIC_CONTRACT_DIR" install_contract
    else
      require MUSIC_OPT_DIR
      install_component kafka "$MUSIC_OPT_DIR" install_jars
    fi
    ;;
  configure | run | health | topics | access | replicate) "$1" ;;
  *) usage "install [contract]|configure|run|health|topics|access|replicate" ;;
esac
