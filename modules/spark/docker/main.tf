locals {
  master_port    = 7077
  master_ui_port = 8080
  worker_port    = 7078
  worker_ui_port = 8082
  job_ui_port    = 4040

  # As many as asked for, by their names in the network.
  workers = toset([for number in range(1, var.settings.worker_count + 1) : "spark-worker-${number}"])

  master_url = "spark://spark-master:${local.master_port}"

  cluster = {
    MUSIC_SPARK_MASTER_URL    = local.master_url
    MUSIC_SPARK_DAEMON_MEMORY = var.settings.daemon_memory
  }

  secret = { MUSIC_SPARK_SECRET = replace(terraform_data.secret.triggers_replace, "-", "") }

  windows = { for name, length in var.settings.windows : "MUSIC_WINDOW_${upper(name)}" => length }

  megabytes = {
    for name in ["worker_memory", "daemon_memory", "driver_memory"] :
    name => tonumber(regex("^[0-9]+", var.settings[name])) * (endswith(var.settings[name], "g") ? 1024 : 1)
  }
  # Beside the heap: the virtual machine's own, and Python with its batches in Arrow.
  beside_heap = 1536

  # A worker counts the heaps of its executors alone. The other half is for what each task has beside it.
  executor_memory = coalesce(var.settings.executor_memory, "${floor(local.megabytes["worker_memory"] / 2)}m")
}

# Generated at the first apply and kept in the state. triggers_replace, because the output attribute of terraform_data is
# shown in plans.
resource "terraform_data" "secret" {
  triggers_replace = sensitive(uuid())

  lifecycle {
    ignore_changes = [triggers_replace]
  }
}

module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "spark"
  components = ["spark_packages", "spark"]
  scripts    = ["packages.sh", "spark.sh"]
}

# The executors run the job's code too: a new one replaces the job and the workers, not the master.
module "job_image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "spark_job"
  components = ["spark_packages", "spark", "spark_job"]
  scripts    = ["packages.sh", "spark.sh"]
}

module "master" {
  source = "../../service/docker"

  target = var.target
  name   = "spark-master"
  image  = { id = module.image.id }
  script = "spark.sh"
  role   = "master"
  memory = local.megabytes["daemon_memory"] + 256
  cores  = 1
  ports  = [{ internal = local.master_ui_port, external = var.master_ui_port, local_only = true }]

  environment = merge(local.cluster, {
    MUSIC_SPARK_HOST           = "spark-master"
    MUSIC_SPARK_MASTER_PORT    = local.master_port
    MUSIC_SPARK_MASTER_UI_PORT = local.master_ui_port
  })

  secrets = local.secret
}

module "worker" {
  source   = "../../service/docker"
  for_each = local.workers

  target = var.target
  name   = each.key
  image  = { id = module.job_image.id }
  script = "spark.sh"
  role   = "worker"
  memory = local.megabytes["worker_memory"] + local.megabytes["daemon_memory"] + local.beside_heap
  cores  = var.settings.worker_cores + 1 # its tasks, and what collects memory beside them

  environment = merge(local.cluster, {
    MUSIC_SPARK_HOST           = each.key
    MUSIC_SPARK_WORKER_PORT    = local.worker_port
    MUSIC_SPARK_WORKER_UI_PORT = local.worker_ui_port
    MUSIC_SPARK_WORKER_CORES   = var.settings.worker_cores
    MUSIC_SPARK_WORKER_MEMORY  = var.settings.worker_memory
  })

  secrets = local.secret

  depends_on = [module.master]
}

module "job" {
  source = "../../service/docker"

  target         = var.target
  name           = "spark-job"
  image          = { id = module.job_image.id }
  script         = "spark.sh"
  role           = "job"
  memory         = local.megabytes["driver_memory"] + local.beside_heap
  cores          = 2
  ports          = [{ internal = local.job_ui_port, external = var.ui_port, local_only = true }]
  healthy_within = 300
  stop_within    = 60 # a batch may have to end

  environment = merge(local.cluster, local.windows, {
    MUSIC_SPARK_HOST              = "spark-job"
    MUSIC_SPARK_UI_PORT           = local.job_ui_port
    MUSIC_SPARK_DRIVER_MEMORY     = var.settings.driver_memory
    MUSIC_SPARK_EXECUTOR_CORES    = var.settings.worker_cores
    MUSIC_SPARK_EXECUTOR_MEMORY   = local.executor_memory
    MUSIC_KAFKA_BOOTSTRAP_SERVERS = var.kafka_bootstrap_servers
    MUSIC_SCHEMA_REGISTRY_URL     = var.schema_registry_url
    MUSIC_CHECKPOINT_DIR          = "/var/lib/music-platform/checkpoint"
    MUSIC_TRIGGER_INTERVAL        = var.settings.trigger_interval
    MUSIC_WATERMARK_DELAY         = var.settings.watermark_delay
    MUSIC_MAX_OFFSETS_PER_BATCH   = var.settings.max_offsets_per_batch
  })

  secrets = merge(local.secret, {
    MUSIC_POSTGRES_DSN   = var.postgres_dsn
    MUSIC_KAFKA_USERNAME = var.kafka_user.username
    MUSIC_KAFKA_PASSWORD = var.kafka_user.password
  })

  # One worker is enough to begin: waiting for all would replace the job whenever one is added.
  depends_on = [module.master]
}
