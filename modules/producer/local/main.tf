locals {
  report = "${var.target.instance_directory}/data/producer/report.json"
}

module "service" {
  source = "../../service/local"

  target    = var.target
  name      = "producer"
  script    = "producer.sh"
  component = "producer"
  data_name = "producer"

  environment = {
    MUSIC_KAFKA_BOOTSTRAP_SERVERS = var.kafka_bootstrap_servers
    MUSIC_SCHEMA_REGISTRY_URL     = var.schema_registry_url
    MUSIC_PRODUCER_REPORT         = local.report
    MUSIC_PRODUCER_RATE           = var.settings.rate
    MUSIC_PRODUCER_USERS          = var.settings.users
    MUSIC_PRODUCER_SONGS          = var.settings.songs
    MUSIC_PRODUCER_SEED           = var.settings.seed
    MUSIC_PRODUCER_HISTORY        = var.settings.history
  }

  secrets = var.kafka_user == null ? {} : {
    MUSIC_KAFKA_USERNAME = var.kafka_user.username
    MUSIC_KAFKA_PASSWORD = var.kafka_user.password
  }
}
