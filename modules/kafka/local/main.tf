locals {
  broker_count = 1

  # The contract's command takes them as TOPIC.FIELD=VALUE.
  overrides = join(" ", flatten([
    for topic, fields in var.settings.topics : [
      for field, value in fields : "${topic}.${field}=${value}" if value != null
    ]
  ]))
}

module "service" {
  source = "../../service/local"

  target    = var.target
  name      = "kafka"
  script    = "kafka.sh"
  component = "kafka"
  data_name = "kafka"
  ports     = [var.port, var.controller_port]

  environment = {
    MUSIC_KAFKA_HOST            = var.target.host
    MUSIC_KAFKA_PORT            = var.port
    MUSIC_KAFKA_CONTROLLER_PORT = var.controller_port
    MUSIC_KAFKA_NODE_ID         = 1
    MUSIC_KAFKA_BROKER_COUNT    = local.broker_count
    MUSIC_KAFKA_HEAP            = var.settings.heap
  }
}

# A changed topic is no reason to restart the broker: topics have a resource of their own.
resource "terraform_data" "topics" {
  triggers_replace = {
    service   = module.service.id
    contract  = lookup(var.target.digests, "contract", "missing")
    overrides = local.overrides
  }

  provisioner "local-exec" {
    interpreter = ["bash", module.service.program, "task"]
    command     = "topics"
    environment = merge(module.service.call, {
      MUSIC_CONTRACT_DIR    = var.target.contract_directory
      MUSIC_TOPIC_OVERRIDES = local.overrides
    })
  }
}
