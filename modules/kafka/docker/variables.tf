variable "target" {
  description = "Where to deploy: the output of the engine."
  type = object({
    prefix         = string
    network        = string
    labels         = map(string)
    checkout       = string
    base_image     = string
    host           = string
    digests        = map(string)
    data           = string
    ca_file        = string
    certificates   = object({ image = string, authority = string, generation = number })
    contract_image = string
  })
}

variable "settings" {
  description = "Number of brokers and the memory of each; topics with another number of partitions or another retention than the contract says."
  type = object({
    broker_count = optional(number, 1)

    heap   = optional(string, "512m")
    topics = optional(map(object({ partitions = optional(number), retention_ms = optional(number) })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3], var.settings.broker_count)
    error_message = "There may be 1 broker or 3: with 2, the loss of either would stop both the brokers' quorum and the writes."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]*[mg]$", var.settings.heap))
    error_message = "The heap must be a whole number of megabytes or gigabytes: write for example \"512m\" or \"1g\"."
  }

  validation {
    condition     = alltrue([for topic in values(var.settings.topics) : try(topic.partitions >= 1 && floor(topic.partitions) == topic.partitions, topic.partitions == null)])
    error_message = "A topic needs one partition or more, in a whole number: leave partitions out to get the number of the contract."
  }

  validation {
    condition     = alltrue([for topic in values(var.settings.topics) : try(topic.retention_ms >= 1 && floor(topic.retention_ms) == topic.retention_ms, topic.retention_ms == null)])
    error_message = "A topic's retention must be a whole number of milliseconds from 1 on: write for example 86400000 (a day), or leave retention_ms out to get that of the contract."
  }
}

variable "port" {
  description = "Port for clients of the first broker on this machine; that of the next is one higher."
  type        = number

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1024 to 65535: choose a smaller port_offset."
  }
}
