locals {
  # Numbers of the brokers, by their names in the network.
  brokers = { for number in range(1, var.settings.broker_count + 1) : "kafka-${number}" => number }

  # Those that there may be. A broker is told of them all from the beginning: another setting would be another
  # container, and the one that is there must run on when others join it.
  possible_brokers = [for number in range(1, 4) : "kafka-${number}"]

  # By which clients find whichever brokers there are: the same address with one and with three, so that the applications
  # stay as they are when brokers are added.
  all_brokers = "kafka"

  client_port     = 9092
  controller_port = 9093
  broker_port     = 9094
  published_port  = 19092

  # Generated at the first apply and kept in the state. triggers_replace, because the output attribute of
  # terraform_data is shown in plans.
  passwords = { for user, secret in terraform_data.password : user => replace(secret.triggers_replace, "-", "") }

  # The contract's command takes them as TOPIC.FIELD=VALUE.
  overrides = join(" ", flatten([
    for topic, fields in var.settings.topics : [
      for field, value in fields : "${topic}.${field}=${value}" if value != null
    ]
  ]))

  megabytes = tonumber(regex("^[0-9]+", var.settings.heap)) * (endswith(var.settings.heap, "g") ? 1024 : 1)
}

resource "terraform_data" "password" {
  for_each = toset(["producer", "stream", "operator"])

  triggers_replace = sensitive(uuid())

  lifecycle {
    ignore_changes = [triggers_replace]
  }
}

module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "kafka"
  components = ["kafka"]
  scripts    = ["kafka.sh", "replication.py"]
}

module "broker" {
  source   = "../../service/docker"
  for_each = local.brokers

  target  = var.target
  name    = each.key
  aliases = [local.all_brokers]
  image   = { id = module.image.id }
  script  = "kafka.sh"
  memory  = local.megabytes + 512
  cores   = 2
  ports   = [{ internal = local.published_port, external = var.port + each.value - 1 }]

  environment = {
    MUSIC_KAFKA_HOST            = each.key
    MUSIC_KAFKA_PORT            = local.client_port
    MUSIC_KAFKA_CONTROLLER_PORT = local.controller_port
    MUSIC_KAFKA_BROKER_PORT     = local.broker_port
    MUSIC_KAFKA_ADMINISTRATORS  = join(" ", local.possible_brokers)
    MUSIC_KAFKA_NODE_ID         = each.value
    # With so many the first one begins, and the defaults for topics are for it alone. The topics that there are get
    # their copies by the tasks below.
    MUSIC_KAFKA_BROKER_COUNT = 1
    MUSIC_KAFKA_HEAP         = var.settings.heap
    # The same after the platform was taken down and comes back with its data: 22 letters for 16 bytes.
    MUSIC_KAFKA_CLUSTER_ID        = "M${substr(sha256(var.target.prefix), 0, 20)}A"
    MUSIC_KAFKA_QUORUM            = join(",", [for broker in local.possible_brokers : "${broker}:${local.controller_port}"])
    MUSIC_KAFKA_PUBLISHED_PORT    = local.published_port
    MUSIC_KAFKA_PUBLISHED_ADDRESS = "${var.target.host}:${var.port + each.value - 1}"
  }

  # Only what makes the users reads them: the brokers keep what the passwords can be checked by.
  secrets = { for user, password in local.passwords : "MUSIC_KAFKA_${upper(user)}_PASSWORD" => password }
}

# What was made when there was one broker is copied to the others. Before the topics: they are only asked to wait for a
# second copy of each record when there is one.
module "replication" {
  source = "../../task/docker"

  target   = var.target
  image    = module.image.name
  script   = "kafka.sh"
  verb     = "replicate"
  service  = module.broker["kafka-1"].name
  triggers = { brokers = join(",", [for name in keys(local.brokers) : module.broker[name].name]) }

  environment = { MUSIC_KAFKA_BROKER_COUNT = var.settings.broker_count }
}

# A changed topic is no reason to restart the broker: topics have a resource of their own.
module "topics" {
  source = "../../task/docker"

  target  = var.target
  image   = var.target.contract_image
  script  = "kafka.sh"
  verb    = "topics"
  service = module.broker["kafka-1"].name

  triggers = { replication = module.replication.id }

  environment = {
    MUSIC_KAFKA_BROKER_COUNT = var.settings.broker_count
    MUSIC_TOPIC_OVERRIDES    = local.overrides
  }
}

module "access" {
  source = "../../task/docker"

  target   = var.target
  image    = var.target.contract_image
  script   = "kafka.sh"
  verb     = "access"
  service  = module.broker["kafka-1"].name
  triggers = { passwords = nonsensitive(sha256(jsonencode(local.passwords))) }
}
