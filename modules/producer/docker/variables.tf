variable "target" {
  description = "Where to deploy: the output of the engine."
  type = object({
    prefix       = string
    network      = string
    labels       = map(string)
    checkout     = string
    base_image   = string
    host         = string
    digests      = map(string)
    data         = string
    ca_file      = string
    certificates = object({ image = string, authority = string, generation = number })
  })
}

variable "settings" {
  description = "Events a second, and the size and seed of the world that they happen in. What is left out has the producer's own default."
  type = object({
    rate  = optional(number, 200)
    users = optional(number)
    songs = optional(number)
    seed  = optional(number)

    history = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.rate > 0 && var.settings.rate <= 1000000
    error_message = "The rate must be above 0 and at most 1000000 events a second: leave the producer out to send none."
  }

  validation {
    condition     = alltrue([for number in [var.settings.users, var.settings.songs] : number == null ? true : number >= 1 && floor(number) == number])
    error_message = "The numbers of users and songs must be whole numbers from 1 on: write for example 10000."
  }
}

variable "kafka_bootstrap_servers" {
  description = "Where it connects to Kafka."
  type        = string
}

variable "kafka_user" {
  description = "As whom it connects to Kafka."
  type = object({
    username = string
    password = string
  })
  sensitive = true
}

variable "schema_registry_url" {
  description = "Where it looks up the ids of its schemas."
  type        = string
}
