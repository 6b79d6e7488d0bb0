module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "producer"
  components = ["producer_packages", "producer"]
  scripts    = ["packages.sh", "producer.sh"]
}

module "service" {
  source = "../../service/docker"

  target = var.target
  name   = "producer"
  image  = { id = module.image.id }
  script = "producer.sh"
  memory = 1024
  cores  = 1

  environment = {
    MUSIC_KAFKA_BOOTSTRAP_SERVERS = var.kafka_bootstrap_servers
    MUSIC_SCHEMA_REGISTRY_URL     = var.schema_registry_url
    MUSIC_PRODUCER_REPORT         = "/var/lib/music-platform/report.json"
    MUSIC_PRODUCER_RATE           = var.settings.rate
    MUSIC_PRODUCER_USERS          = var.settings.users
    MUSIC_PRODUCER_SONGS          = var.settings.songs
    MUSIC_PRODUCER_SEED           = var.settings.seed
    MUSIC_PRODUCER_HISTORY        = var.settings.history
  }

  secrets = {
    MUSIC_KAFKA_USERNAME = var.kafka_user.username
    MUSIC_KAFKA_PASSWORD = var.kafka_user.password
  }
}
