locals {
  # Generated at the first apply and kept in the state. triggers_replace, because the output attribute of
  # terraform_data is shown in plans.
  passwords = { for role, secret in terraform_data.password : role => replace(secret.triggers_replace, "-", "") }

  name        = "postgres"
  client_port = 5432
  outside     = "${var.target.host}:${var.port}"
  # Clients outside are told where the authority's certificate is; those inside know (MUSIC_TLS_DIR).
  verified = "sslmode=verify-full&sslrootcert=${var.target.ca_file}"
  inside   = "${local.name}:${local.client_port}"

  registry = {
    url      = "jdbc:postgresql://${local.inside}/registry?sslmode=verify-full&sslrootcert=/etc/music-platform/tls/ca.pem"
    user     = "registry"
    password = local.passwords["registry"]
  }

  superset = {
    url      = "postgresql://${local.inside}/superset"
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

module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "postgres"
  components = ["postgres"]
  scripts    = ["postgres.sh"]
}

module "service" {
  source = "../../service/docker"

  target      = var.target
  name        = local.name
  image       = { id = module.image.id }
  script      = "postgres.sh"
  memory      = 2048
  cores       = 2
  ports       = [{ internal = local.client_port, external = var.port }]
  stop_signal = "INT" # a fast shutdown; TERM would wait for every client to leave

  environment = {
    MUSIC_POSTGRES_HOST     = local.name
    MUSIC_POSTGRES_BIND     = "0.0.0.0"
    MUSIC_POSTGRES_PORT     = local.client_port
    MUSIC_POSTGRES_DATABASE = var.settings.database
    # The other containers, and through the engine's bridge this machine: nobody else reaches it.
    MUSIC_POSTGRES_ALLOWED_NETWORKS = "samenet"
  }

  secrets = { for role, password in local.passwords : "MUSIC_POSTGRES_${upper(role)}_PASSWORD" => password }
}

module "migrations_image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "migrations"
  components = ["migrations_packages", "migrations"]
  scripts    = ["packages.sh", "postgres.sh", "migrate.py", "objects.py"]
}

module "migrations" {
  source = "../../task/docker"

  target   = var.target
  image    = module.migrations_image.name
  script   = "postgres.sh"
  verb     = "migrate"
  service  = module.service.name
  triggers = { database = var.settings.database }
}
