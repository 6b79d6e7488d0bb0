module "service" {
  source = "../../service/local"

  target    = var.target
  name      = "schema_registry"
  script    = "schema_registry.sh"
  component = "schema_registry"
  data_name = "schema_registry"
  ports     = [var.port, var.management_port]

  environment = {
    MUSIC_SCHEMA_REGISTRY_HOST            = var.target.host
    MUSIC_SCHEMA_REGISTRY_PORT            = var.port
    MUSIC_SCHEMA_REGISTRY_MANAGEMENT_PORT = var.management_port
    MUSIC_SCHEMA_REGISTRY_HEAP            = var.settings.heap
    MUSIC_SCHEMA_REGISTRY_DB_URL          = nonsensitive(var.storage.url)
    MUSIC_SCHEMA_REGISTRY_DB_USER         = nonsensitive(var.storage.user)
  }

  secrets = {
    MUSIC_SCHEMA_REGISTRY_DB_PASSWORD = var.storage.password
  }
}

resource "terraform_data" "schemas" {
  triggers_replace = {
    service  = module.service.id
    contract = lookup(var.target.digests, "contract", "missing")
  }

  provisioner "local-exec" {
    interpreter = ["bash", module.service.program, "task"]
    command     = "register"
    environment = merge(module.service.call, {
      MUSIC_CONTRACT_DIR = var.target.contract_directory
    })
  }
}
