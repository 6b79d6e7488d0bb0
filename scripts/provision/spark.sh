#!/usr/bin/env bash
# Provisions Spark: spark.sh VERB [master|worker|job]
#
#   install [job]    unpack Spark; with `job` the stream job too
#   configure [ROLE] write its configuration
#   run ROLE         become the cluster's master, a worker, or the stream job (its driver, in client mode)
#   health ROLE      exit 0 when it serves
#
# Settings: MUSIC_SPARK_HOST, MUSIC_SPARK_MASTER_URL, MUSIC_SPARK_MASTER_PORT, MUSIC_SPARK_MASTER_UI_PORT,
# MUSIC_SPARK_WORKER_PORT, MUSIC_SPARK_WORKER_UI_PORT, MUSIC_SPARK_WORKER_CORES, MUSIC_SPARK_WORKER_MEMORY,
# MUSIC_SPARK_DAEMON_MEMORY; MUSIC_SPARK_SECRET (whoever does not know it is kept out of the cluster, and what its
# processes say to each other is encrypted; without it anyone who reaches the master may run a job); for the job
# MUSIC_SPARK_JOB_DIR (where it is installed), MUSIC_SPARK_UI_PORT, MUSIC_SPARK_EXECUTOR_CORES,
# MUSIC_SPARK_EXECUTOR_MEMORY, MUSIC_SPARK_DRIVER_MEMORY, and the settings that the job itself reads (app/spark).
set -euo pipefail

# shellcheck source=scripts/provision/platform.sh
source "$(dirname "${BASH_SOURCE[0]}")/platform.sh"

install_cluster() {
  install_python spark "$1"
  mkdir "$1/jars"
  cp "$MUSIC_ARTIFACTS_DIR"/jars/spark/*.jar "$1/jars/"
}

install_job() {
  install_wheels spark_job --python "$MUSIC_OPT_DIR/venv/bin/python" --target "$1/lib"
}

install() {
  require MUSIC_OPT_DIR
  install_component spark "$MUSIC_OPT_DIR" install_cluster
  if [[ ${1:-} == job ]]; then
    require MUSIC_SPARK_JOB_DIR
    install_component spark_job "$MUSIC_SPARK_JOB_DIR" install_job
  fi
}

logging_properties() {
  cat <<'PROPERTIES'
# Written by scripts/provision/spark.sh. To standard output: the supervisor, Docker or systemd keeps and rotates it.
status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.target = SYSTEM_OUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %c{1}: %m%n%ex
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = stdout
# These print several lines for each batch.
logger.scheduler.name = org.apache.spark.scheduler
logger.scheduler.level = warn
logger.storage.name = org.apache.spark.storage
logger.storage.level = warn
logger.kafka.name = org.apache.kafka
logger.kafka.level = warn
# The Hadoop libraries for this platform's C library are not needed, and Spark says so at each start.
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
# A batch that takes longer than the trigger's interval is usual: the next one begins at once.
logger.trigger.name = org.apache.spark.sql.execution.streaming.runtime.ProcessingTimeExecutor
logger.trigger.level = error
PROPERTIES
}

security_properties() {
  # The pages are for looking.
  echo "spark.ui.killEnabled                      false"
  if [[ -n ${MUSIC_SPARK_SECRET:-} ]]; then
    cat <<PROPERTIES
spark.authenticate                        true
spark.authenticate.secret                 $MUSIC_SPARK_SECRET
spark.network.crypto.enabled              true
spark.network.crypto.saslFallback         false
PROPERTIES
  fi
}

job_properties() {
  local jars file_system java_options='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
  jars=$(printf '%s,' "$MUSIC_OPT_DIR"/jars/*.jar)
  file_system=$(echo "$MUSIC_OPT_DIR"/jars/hadoop-bare-naked-local-fs-*.jar)
  cat <<PROPERTIES
# Written by scripts/provision/spark.sh; changes here are lost.
spark.master                              $MUSIC_SPARK_MASTER_URL
spark.submit.deployMode                   client
spark.jars                                ${jars%,}
spark.driver.host                         $MUSIC_SPARK_HOST
spark.driver.bindAddress                  ${MUSIC_SPARK_BIND:-$MUSIC_SPARK_HOST}
spark.driver.memory                       ${MUSIC_SPARK_DRIVER_MEMORY:-1g}
spark.executor.memory                     ${MUSIC_SPARK_EXECUTOR_MEMORY:-1g}
spark.executor.cores                      ${MUSIC_SPARK_EXECUTOR_CORES:-2}
# As many tasks read a batch: more than there are cores would only cost their start.
spark.default.parallelism                 ${MUSIC_SPARK_EXECUTOR_CORES:-2}
spark.ui.port                             $MUSIC_SPARK_UI_PORT
# Hadoop's own local files start a process (chmod, readlink) for each step of writing a checkpoint.
spark.hadoop.fs.file.impl                 com.globalmentor.apache.hadoop.fs.BareLocalFileSystem
spark.driver.extraClassPath               $file_system
# Planning and a batch's many small steps run seldom enough that the thorough compiler takes more than it gives.
spark.driver.extraJavaOptions             $java_options
spark.executor.extraJavaOptions           $java_options
# Taken ports are an error, not a reason to listen somewhere else.
spark.port.maxRetries                     0
spark.sql.warehouse.dir                   $MUSIC_DATA_DIR/job/warehouse
spark.pyspark.python                      $MUSIC_OPT_DIR/venv/bin/python
spark.executorEnv.PYTHONPATH              $MUSIC_SPARK_JOB_DIR/lib
# A stream's event log grows without end.
spark.eventLog.enabled                    false
# A progress bar has no place in a log.
spark.ui.showConsoleProgress              false
# What the user interface remembers is memory of the driver.
spark.ui.retainedJobs                     100
spark.ui.retainedStages                   100
spark.sql.ui.retainedExecutions           20
spark.executor.logs.rolling.strategy      size
spark.executor.logs.rolling.maxSize       52428800
spark.executor.logs.rolling.maxRetainedFiles  3
PROPERTIES
}

configure() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_SPARK_HOST MUSIC_SPARK_MASTER_URL
  own_directory "$MUSIC_DATA_DIR"
  mkdir -p "$MUSIC_CONFIG_DIR/spark"
  logging_properties | write_config spark/log4j2.properties
  security_properties | write_secret spark/spark-defaults.conf
  if [[ ${1:-} == job ]]; then
    require MUSIC_SPARK_JOB_DIR MUSIC_SPARK_UI_PORT
    {
      job_properties
      security_properties
    } | write_secret spark/job.conf
  fi
}

# spark_environment ROLE: exports what Spark's own scripts read, and empties what a killed process left behind.
spark_environment() {
  require MUSIC_OPT_DIR MUSIC_CONFIG_DIR MUSIC_DATA_DIR MUSIC_SPARK_HOST MUSIC_SPARK_MASTER_URL
  local java role_directory=$MUSIC_DATA_DIR/$1
  java=$(require_java 17)
  rm -rf "$role_directory/tmp"
  own_directory "$role_directory"
  own_directory "$role_directory/tmp"
  JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$java")")")
  SPARK_HOME=$(echo "$MUSIC_OPT_DIR"/venv/lib/python*/site-packages/pyspark)
  export JAVA_HOME SPARK_HOME
  export SPARK_CONF_DIR=$MUSIC_CONFIG_DIR/spark
  export SPARK_LOCAL_IP=${MUSIC_SPARK_BIND:-$MUSIC_SPARK_HOST}
  export SPARK_PUBLIC_DNS=$MUSIC_SPARK_HOST
  export SPARK_LOCAL_DIRS=$role_directory/tmp
  export SPARK_DAEMON_MEMORY=${MUSIC_SPARK_DAEMON_MEMORY:-256m}
  export SPARK_DAEMON_JAVA_OPTS="-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError"
}

run_master() {
  require MUSIC_SPARK_MASTER_PORT MUSIC_SPARK_MASTER_UI_PORT
  # A master that comes back still knows its workers and the running job. It waits for those that do not answer, and
  # gives no work meanwhile, for the worker timeout: 20 s instead of Spark's 60.
  export SPARK_MASTER_OPTS="-Dspark.deploy.recoveryMode=FILESYSTEM -Dspark.deploy.recoveryDirectory=$MUSIC_DATA_DIR/master/state -Dspark.worker.timeout=20"
  exec_server "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master \
    --host "$MUSIC_SPARK_HOST" --port "$MUSIC_SPARK_MASTER_PORT" --webui-port "$MUSIC_SPARK_MASTER_UI_PORT"
}

run_worker() {
  require MUSIC_SPARK_WORKER_PORT MUSIC_SPARK_WORKER_UI_PORT
  # The directories of jobs that ended are removed after an hour, their logs with them.
  export SPARK_WORKER_OPTS="-Dspark.worker.timeout=20 -Dspark.worker.cleanup.enabled=true -Dspark.worker.cleanup.interval=600 -Dspark.worker.cleanup.appDataTtl=3600"
  exec_server "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker \
    --host "$MUSIC_SPARK_HOST" --port "$MUSIC_SPARK_WORKER_PORT" --webui-port "$MUSIC_SPARK_WORKER_UI_PORT" \
    --cores "${MUSIC_SPARK_WORKER_CORES:-2}" --memory "${MUSIC_SPARK_WORKER_MEMORY:-2g}" \
    --work-dir "$MUSIC_DATA_DIR/worker/work" "$MUSIC_SPARK_MASTER_URL"
}

# Python is the main process and starts Spark's driver as its child, not the other way round: so SIGTERM reaches the
# job, which can finish its batch, and the end of either process ends both.
run_job() {
  require MUSIC_SPARK_JOB_DIR MUSIC_CHECKPOINT_DIR
  own_directory "$MUSIC_CHECKPOINT_DIR"
  export PYTHONPATH=$MUSIC_SPARK_JOB_DIR/lib
  export PYSPARK_PYTHON=$MUSIC_OPT_DIR/venv/bin/python
  export PYSPARK_SUBMIT_ARGS="--properties-file $MUSIC_CONFIG_DIR/spark/job.conf pyspark-shell"
  export PYTHONUNBUFFERED=1
  exec_server "$MUSIC_OPT_DIR/venv/bin/python" -m music_spark
}

health() {
  local answer
  require MUSIC_SPARK_HOST
  case ${1:-} in
    master)
      answer=$(http_get "$MUSIC_SPARK_HOST" "$MUSIC_SPARK_MASTER_UI_PORT" /json/) || true
      [[ $answer == *'"ALIVE"'* ]] || fail "the master is not alive on $MUSIC_SPARK_HOST:$MUSIC_SPARK_MASTER_UI_PORT."
      ;;
    worker)
      http_get "$MUSIC_SPARK_HOST" "$MUSIC_SPARK_WORKER_UI_PORT" /json/ >/dev/null ||
        fail "the worker does not answer on $MUSIC_SPARK_HOST:$MUSIC_SPARK_WORKER_UI_PORT."
      ;;
    job)
      http_get "$MUSIC_SPARK_HOST" "$MUSIC_SPARK_UI_PORT" /api/v1/applications >/dev/null ||
        fail "the stream job does not answer on $MUSIC_SPARK_HOST:$MUSIC_SPARK_UI_PORT."
      ;;
    *) usage "health master|worker|job" ;;
  esac
}

run() {
  case ${1:-} in
    master | worker | job)
      spark_environment "$1"
      "run_$1"
      ;;
    *) usage "run master|worker|job" ;;
  esac
}

case ${1:-} in
  install | configure | run | health) "$@" ;;
  *) usage "install [job]|configure [job]|run ROLE|health ROLE" ;;
esac
