# The platform as processes of this machine: no containers, no root.

locals {
  checkout = abspath("${path.root}/../..")
  # What is below root's home cannot be read by the unprivileged user that the servers run as. The command line knows who
  # is root and gives the home; this is for whoever calls Terraform.
  is_root = pathexpand("~") == "/root"
  home = coalesce(var.home, local.is_root
    ? "/var/lib/music-platform/${basename(local.checkout)}-${substr(sha256(local.checkout), 0, 8)}"
    : "${local.checkout}/.platform"
  )

  kafka_client = { "bootstrap.servers" = module.kafka.bootstrap_servers }

  # A file of their own: the command line looks whether they are free before anything starts.
  port = { for name, number in jsondecode(file("${path.root}/ports.json")) : name => number + var.port_offset }
}

module "supervisor" {
  source = "../../modules/supervisor/local"

  name                = var.name
  home                = local.home
  artifacts_directory = coalesce(var.artifacts_directory, "${local.checkout}/build/artifacts")
  provision_directory = "${local.checkout}/scripts/provision"
  host                = "127.0.0.1"
  run_as              = var.run_as
  keep_data           = var.keep_data
}

# A contract that the registry would refuse stops the deployment here, before anything is restarted.
module "contract" {
  source = "../../modules/contract/local"

  target = module.supervisor.target
}

module "postgres" {
  source = "../../modules/postgres/local"

  target   = module.contract.target
  port     = local.port.postgres
  settings = var.postgres
}

module "kafka" {
  source = "../../modules/kafka/local"

  target          = module.contract.target
  port            = local.port.kafka
  controller_port = local.port.kafka_controller
  settings        = var.kafka
}

module "schema_registry" {
  source = "../../modules/schema_registry/local"

  target          = module.contract.target
  port            = local.port.schema_registry
  management_port = local.port.schema_registry_management
  storage         = module.postgres.registry_storage
  settings        = var.schema_registry
}

module "spark" {
  source = "../../modules/spark/local"

  target         = module.contract.target
  master_port    = local.port.spark_master
  master_ui_port = local.port.spark_master_ui
  worker_port    = local.port.spark_worker
  worker_ui_port = local.port.spark_worker_ui
  ui_port        = local.port.spark_job_ui
  settings       = var.spark

  kafka_bootstrap_servers = module.kafka.internal_bootstrap_servers
  kafka_user              = module.kafka.users["stream"]
  schema_registry_url     = module.schema_registry.internal_url
  postgres_dsn            = module.postgres.internal_dsn
}

module "superset" {
  source = "../../modules/superset/local"
  count  = var.superset_enabled ? 1 : 0

  target   = module.contract.target
  port     = local.port.superset
  settings = var.superset

  storage       = module.postgres.superset_storage
  analytics_dsn = module.postgres.internal_dashboards_dsn
}

module "producer" {
  source = "../../modules/producer/local"
  count  = var.producer_rate > 0 ? 1 : 0

  target = module.contract.target
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

  # Last: what it sends is seen at once.
  depends_on = [module.spark]
}
