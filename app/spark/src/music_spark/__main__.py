"""Entry of the stream job: `python -m music_spark`, or this file given to spark-submit."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from pyspark.sql import SparkSession

from music_spark import settings
from music_spark.job import Job

SPARK = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.streaming.metricsEnabled": "true",
    "spark.sql.streaming.numRecentProgressUpdates": "20",
    "spark.ui.prometheus.enabled": "true",
    # The driver's page is not there by itself, unlike that of the executors.
    "spark.metrics.conf.driver.sink.prometheusServlet.class": (
        "org.apache.spark.metrics.sink.PrometheusServlet"
    ),
    "spark.metrics.conf.driver.sink.prometheusServlet.path": "/metrics/prometheus",
    # Part of each metric's name on the driver's page, where Spark has an id that changes at each start.
    "spark.metrics.namespace": "music",
    # Batches of a few hundred milliseconds: waiting for a better place costs more than it gives.
    "spark.locality.wait": "0s",
    # The driver takes each batch whole; MUSIC_MAX_OFFSETS_PER_BATCH bounds it.
    "spark.driver.maxResultSize": "0",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    # Spark's choice for the checkpoint starts several processes (chmod, readlink) for each file of a batch,
    # as pyspark has no native Hadoop library: 182 ms a batch, against 55 ms. What it can more, two writers
    # at once, the writer's lock rules out.
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}


_PARENT_LOOK_S = 0.5

log = logging.getLogger("music_spark")


def _end_with_parent() -> None:
    """End this process when the one that started it (a supervisor, or spark-submit's JVM) is gone: nobody
    would see it any more, and it would keep the writer's lock.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_LOOK_S)
        log.error("the process that started the job is gone; the job ends")
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def main() -> None:
    """Run the job until SIGTERM; a sentence and a non-zero exit when it cannot."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("py4j", "httpx", "httpx2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    job_settings, windows = settings.load()
    _end_with_parent()
    builder = SparkSession.builder.appName("music-stream")
    for name, value in SPARK.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    try:
        Job(spark, job_settings, windows).run()
    except Exception:
        log.exception("the job ends by a fault")
        status = 1
    else:
        status = 0
    # Callback threads of the bridge to the JVM would keep the process alive, with the writer's lock.
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
