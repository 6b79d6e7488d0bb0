locals {
  # Generated at the first apply and kept in the state. triggers_replace, because the output attribute of
  # terraform_data is shown in plans.
  passwords = { for user, secret in terraform_data.password : user => replace(secret.triggers_replace, "-", "") }

  name     = "superset"
  web_port = 8088
  scripts  = ["packages.sh", "superset.sh", "superset_config.py", "superset_prepare.py"]
}

resource "terraform_data" "password" {
  for_each = toset(["admin", "analyst", "viewer"])

  triggers_replace = sensitive(uuid())

  lifecycle {
    ignore_changes = [triggers_replace]
  }
}

module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "superset"
  components = ["superset_packages", "superset"]
  scripts    = local.scripts
}

module "service" {
  source = "../../service/docker"

  target         = var.target
  name           = local.name
  image          = { id = module.image.id }
  script         = "superset.sh"
  memory         = 768 + 512 * var.settings.workers
  cores          = var.settings.workers
  ports          = [{ internal = local.web_port, external = var.port }]
  healthy_within = 300 # it brings its records up to date first, and loads for half a minute where cores are busy

  environment = {
    MUSIC_SUPERSET_HOST    = local.name
    MUSIC_SUPERSET_PORT    = local.web_port
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

module "dashboards_image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "dashboards"
  components = ["superset_packages", "superset", "dashboards"]
  scripts    = local.scripts
}

module "dashboards" {
  source = "../../task/docker"

  target  = var.target
  image   = module.dashboards_image.name
  script  = "superset.sh"
  verb    = "import"
  service = module.service.name
  triggers = {
    passwords = nonsensitive(sha256(jsonencode([local.passwords, var.analytics_dsn])))
  }
}
