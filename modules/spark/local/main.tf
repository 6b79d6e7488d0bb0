locals {
  master_url = "spark://${var.target.host}:${var.master_port}"

  cluster = {
    MUSIC_SPARK_HOST          = var.target.host
    MUSIC_SPARK_MASTER_URL    = local.master_url
    MUSIC_SPARK_DAEMON_MEMORY = var.settings.daemon_memory
  }

  windows = { for name, length in var.settings.windows : "MUSIC_WINDOW_${upper(name)}" => length }

  # A worker counts the heaps of its executors alone. The other half is for what each task has beside it.
  worker_megabytes = tonumber(regex("^[0-9]+", var.settings.worker_memory)) * (endswith(var.settings.worker_memory, "g") ? 1024 : 1)
  executor_memory  = coalesce(var.settings.executor_memory, "${floor(local.worker_megabytes / 2)}m")
}

module "master" {
  source = "../../service/local"

  target    = var.target
  name      = "spark_master"
  script    = "spark.sh"
  role      = "master"
  component = "spark"
  data_name = "spark"
  ports     = [var.master_port, var.master_ui_port]

  environment = merge(local.cluster, {
    MUSIC_SPARK_MASTER_PORT    = var.master_port
    MUSIC_SPARK_MASTER_UI_PORT = var.master_ui_port
  })
}

module "worker" {
  source = "../../service/local"

  target    = var.target
  name      = "spark_worker"
  script    = "spark.sh"
  role      = "worker"
  component = "spark"
  data_name = "spark"
  ports     = [var.worker_port, var.worker_ui_port]

  environment = merge(local.cluster, {
    MUSIC_SPARK_WORKER_PORT    = var.worker_port
    MUSIC_SPARK_WORKER_UI_PORT = var.worker_ui_port
    MUSIC_SPARK_WORKER_CORES   = var.settings.worker_cores
    MUSIC_SPARK_WORKER_MEMORY  = var.settings.worker_memory
  })

  depends_on = [module.master]
}

module "job" {
  source = "../../service/local"

  target         = var.target
  name           = "spark_job"
  script         = "spark.sh"
  role           = "job"
  component      = "spark"
  data_name      = "spark"
  ports          = [var.ui_port]
  healthy_within = 120
  stop_within    = 60 # a batch may have to end

  environment = merge(local.cluster, local.windows, {
    MUSIC_SPARK_JOB_DIR           = "${var.target.opt_directory}/spark_job-${substr(lookup(var.target.digests, "spark_job", "missing"), 0, 12)}"
    MUSIC_SPARK_UI_PORT           = var.ui_port
    MUSIC_SPARK_DRIVER_MEMORY     = var.settings.driver_memory
    MUSIC_SPARK_EXECUTOR_CORES    = var.settings.worker_cores
    MUSIC_SPARK_EXECUTOR_MEMORY   = local.executor_memory
    MUSIC_KAFKA_BOOTSTRAP_SERVERS = var.kafka_bootstrap_servers
    MUSIC_SCHEMA_REGISTRY_URL     = var.schema_registry_url
    MUSIC_CHECKPOINT_DIR          = "${var.target.instance_directory}/data/spark/checkpoint"
    MUSIC_TRIGGER_INTERVAL        = var.settings.trigger_interval
    MUSIC_WATERMARK_DELAY         = var.settings.watermark_delay
    MUSIC_MAX_OFFSETS_PER_BATCH   = var.settings.max_offsets_per_batch
  })

  secrets = merge({ MUSIC_POSTGRES_DSN = var.postgres_dsn }, var.kafka_user == null ? {} : {
    MUSIC_KAFKA_USERNAME = var.kafka_user.username
    MUSIC_KAFKA_PASSWORD = var.kafka_user.password
  })

  depends_on = [module.worker]
}
