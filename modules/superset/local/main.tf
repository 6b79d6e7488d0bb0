locals {
  # Generated at the first apply and kept in the state. triggers_replace, because the output attribute of
  # terraform_data is shown in plans.
  passwords  = { for user, secret in terraform_data.password : user => replace(secret.triggers_replace, "-", "") }
  dashboards = lookup(var.target.digests, "dashboards", "missing")
}

resource "terraform_data" "password" {
  for_each = toset(["admin", "analyst", "viewer"])

  triggers_replace = sensitive(uuid())

  lifecycle {
    ignore_changes = [triggers_replace]
  }
}

module "service" {
  source = "../../service/local"

  target         = var.target
  name           = "superset"
  script         = "superset.sh"
  files          = ["superset_config.py", "superset_prepare.py"]
  component      = "superset"
  data_name      = "superset"
  ports          = [var.port]
  healthy_within = 180 # it loads for half a minute where two cores have other work

  environment = {
    MUSIC_SUPERSET_HOST    = var.target.host
    MUSIC_SUPERSET_PORT    = var.port
    MUSIC_SUPERSET_WORKERS = var.settings.workers
    MUSIC_SUPERSET_DB_URL  = nonsensitive(var.storage.url)
    MUSIC_SUPERSET_DB_USER = nonsensitive(var.storage.user)
  }

  secrets = {
    MUSIC_SUPERSET_DB_PASSWORD      = var.storage.password
    MUSIC_SUPERSET_ADMIN_PASSWORD   = local.passwords["admin"]
    MUSIC_SUPERSET_ANALYST_PASSWORD = local.passwords["analyst"]
    MUSIC_SUPERSET_VIEWER_PASSWORD  = local.passwords["viewer"]
    MUSIC_SUPERSET_ANALYTICS_DSN    = var.analytics_dsn
  }
}

resource "terraform_data" "dashboards" {
  triggers_replace = {
    service    = module.service.id
    dashboards = local.dashboards
    passwords  = nonsensitive(sha256(jsonencode([local.passwords, var.analytics_dsn])))
  }

  provisioner "local-exec" {
    interpreter = ["bash", module.service.program, "task"]
    command     = "import"
    environment = merge(module.service.call, {
      MUSIC_DASHBOARDS_DIR = "${var.target.opt_directory}/dashboards-${substr(local.dashboards, 0, 12)}"
    })
  }
}
