locals {
  # Generated at the first apply and kept in the state. triggers_replace, because the output attribute of
  # terraform_data is shown in plans.
  passwords = { for role, secret in terraform_data.password : role => replace(secret.triggers_replace, "-", "") }

  registry = {
    url      = "jdbc:postgresql://${var.target.host}:${var.port}/registry"
    user     = "registry"
    password = local.passwords["registry"]
  }

  superset = {
    url      = "postgresql://${var.target.host}:${var.port}/superset"
    user     = "superset"
    password = local.passwords["superset"]
  }
}

resource "terraform_data" "password" {
  for_each = toset(["owner", "application", "readonly", "dashboards", "registry", "superset"])

  triggers_replace = sensitive(uuid())

  lifecycle {
    ignore_changes = [triggers_replace]
  }
}

module "service" {
  source = "../../service/local"

  target      = var.target
  name        = "postgres"
  script      = "postgres.sh"
  component   = "postgres"
  data_name   = "postgres"
  ports       = [var.port]
  stop_signal = "INT" # a fast shutdown; TERM would wait for every client to leave

  environment = {
    MUSIC_POSTGRES_HOST     = var.target.host
    MUSIC_POSTGRES_PORT     = var.port
    MUSIC_POSTGRES_DATABASE = var.settings.database
  }

  secrets = { for role, password in local.passwords : "MUSIC_POSTGRES_${upper(role)}_PASSWORD" => password }
}

resource "terraform_data" "migrations" {
  triggers_replace = {
    service    = module.service.id
    migrations = lookup(var.target.digests, "migrations", "missing")
    database   = var.settings.database
  }

  provisioner "local-exec" {
    interpreter = ["bash", module.service.program, "task"]
    command     = "migrate"
    environment = merge(module.service.call, {
      MUSIC_MIGRATIONS_DIR = "${var.target.opt_directory}/migrations-${substr(lookup(var.target.digests, "migrations", "missing"), 0, 12)}"
    })
  }
}
