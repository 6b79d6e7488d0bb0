# The platform as containers of a Docker engine.

locals {
  checkout = abspath("${path.root}/../..")
  # As in terraform/local.
  is_root = pathexpand("~") == "/root"
  home = coalesce(var.home, local.is_root
    ? "/var/lib/music-platform/${basename(local.checkout)}-${substr(sha256(local.checkout), 0, 8)}"
    : "${local.checkout}/.platform"
  )

  kafka_client = {
    "bootstrap.servers" = module.kafka.bootstrap_servers
    "security.protocol" = "SASL_SSL"
    "sasl.mechanism"    = "SCRAM-SHA-512"
    "sasl.username"     = module.kafka.users["operator"].username
    "sasl.password"     = module.kafka.users["operator"].password
    "ssl.ca.location"   = module.engine.target.ca_file
  }

  # A file of their own: the command line looks whether they are free before anything starts.
  port = { for name, number in jsondecode(file("${path.root}/ports.json")) : name => number + var.port_offset }
}

module "engine" {
  source = "../../modules/engine/docker"

  name                = var.name
  home                = local.home
  checkout            = local.checkout
  artifacts_directory = "${local.checkout}/build/artifacts"
  base_image          = var.base_image
  host                = var.published_on
  keep_data           = var.keep_data
  certificates        = var.certificates
}

# A contract that the registry would refuse stops the deployment here, before anything is replaced.
module "contract" {
  source = "../../modules/contract/docker"

  target = module.engine.target
}

module "postgres" {
  source = "../../modules/postgres/docker"

  target   = module.engine.target
  port     = local.port.postgres
  settings = var.postgres
}

module "kafka" {
  source = "../../modules/kafka/docker"

  target   = module.contract.target
  port     = local.port.kafka
  settings = merge(var.kafka, { broker_count = var.kafka_broker_count })
}

module "schema_registry" {
  source = "../../modules/schema_registry/docker"

  target   = module.contract.target
  port     = local.port.schema_registry
  storage  = module.postgres.registry_storage
  settings = var.schema_registry
}

module "spark" {
  source = "../../modules/spark/docker"

  target         = module.engine.target
  master_ui_port = local.port.spark_master_ui
  ui_port        = local.port.spark_job_ui
  settings = merge(var.spark, {
    worker_count  = var.spark_worker_count
    worker_cores  = var.spark_worker_cores
    worker_memory = var.spark_worker_memory
  })

  kafka_bootstrap_servers = module.kafka.internal_bootstrap_servers
  kafka_user              = module.kafka.users["stream"]
  schema_registry_url     = module.schema_registry.internal_url
  postgres_dsn            = module.postgres.internal_dsn
}

module "superset" {
  source = "../../modules/superset/docker"
  count  = var.superset_enabled ? 1 : 0

  target   = module.engine.target
  port     = local.port.superset
  settings = var.superset

  storage       = module.postgres.superset_storage
  analytics_dsn = module.postgres.internal_dashboards_dsn
}

module "producer" {
  source = "../../modules/producer/docker"
  count  = var.producer_rate > 0 ? 1 : 0

  target = module.engine.target
  settings = {
    rate  = var.producer_rate
    users = var.producer_users
    songs = var.producer_songs
    seed  = var.producer_seed

    history = var.producer_history
  }

  kafka_bootstrap_servers = module.kafka.internal_bootstrap_servers
  kafka_user              = module.kafka.users["producer"]
  schema_registry_url     = module.schema_registry.internal_url
}
