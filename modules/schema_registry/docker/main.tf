locals {
  name            = "schema-registry"
  client_port     = 8081
  management_port = 8083
  megabytes       = tonumber(regex("^[0-9]+", var.settings.heap)) * (endswith(var.settings.heap, "g") ? 1024 : 1)
}

module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "schema_registry"
  components = ["schema_registry"]
  scripts    = ["schema_registry.sh"]
}

module "service" {
  source = "../../service/docker"

  target = var.target
  name   = local.name
  image  = { id = module.image.id }
  script = "schema_registry.sh"
  memory = local.megabytes + 384
  cores  = 1
  ports  = [{ internal = local.client_port, external = var.port, local_only = true }]

  environment = {
    MUSIC_SCHEMA_REGISTRY_HOST            = local.name
    MUSIC_SCHEMA_REGISTRY_PORT            = local.client_port
    MUSIC_SCHEMA_REGISTRY_MANAGEMENT_PORT = local.management_port
    MUSIC_SCHEMA_REGISTRY_HEAP            = var.settings.heap
    MUSIC_SCHEMA_REGISTRY_DB_URL          = nonsensitive(var.storage.url)
    MUSIC_SCHEMA_REGISTRY_DB_USER         = nonsensitive(var.storage.user)
  }

  secrets = {
    MUSIC_SCHEMA_REGISTRY_DB_PASSWORD = var.storage.password
  }
}

module "schemas" {
  source = "../../task/docker"

  target  = var.target
  image   = var.target.contract_image
  script  = "schema_registry.sh"
  verb    = "register"
  service = module.service.name
}
