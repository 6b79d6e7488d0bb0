# What every environment takes, beside what it has alone (variables.tf).

# ----------------------------------------------------------------------------------------------------------------------
# Which platform
# ----------------------------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of this platform. A second one on the same machine needs another name and another port_offset."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$", var.name))
    error_message = "The name must begin with a lower-case letter, hold at most 31 lower-case letters, digits and hyphens, and not end with a hyphen: write for example \"second\"."
  }
}

variable "keep_data" {
  description = "Whether destroy leaves the data on the disk. Apply a change of it before you destroy."
  type        = bool
  default     = true
  nullable    = false
}

# ----------------------------------------------------------------------------------------------------------------------
# Producer
# ----------------------------------------------------------------------------------------------------------------------

variable "producer_rate" {
  description = "Events per second as the mean of a week; 0 runs no producer."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.producer_rate >= 0 && var.producer_rate <= 1000000
    error_message = "The rate must be from 0 (no producer) to 1000000 events a second: write for example 500."
  }
}

variable "producer_users" {
  description = "Number of listeners. Default: the producer's, 400 for each event per second."
  type        = number
  default     = null

  validation {
    condition     = var.producer_users == null ? true : var.producer_users >= 1 && var.producer_users <= 10000000 && floor(var.producer_users) == var.producer_users
    error_message = "The number of users must be a whole number from 1 to 10000000: write for example 80000."
  }
}

variable "producer_songs" {
  description = "Number of songs. Default: the producer's."
  type        = number
  default     = null

  validation {
    condition     = var.producer_songs == null ? true : var.producer_songs >= 1 && var.producer_songs <= 5000000 && floor(var.producer_songs) == var.producer_songs
    error_message = "The number of songs must be a whole number from 1 to 5000000: write for example 5000."
  }
}

variable "producer_seed" {
  description = "The same seed makes the same listeners and catalogue. Default: the producer's."
  type        = number
  default     = null

  validation {
    condition     = var.producer_seed == null ? true : var.producer_seed >= 0 && floor(var.producer_seed) == var.producer_seed
    error_message = "The seed must be a whole number from 0 on: write for example 1."
  }
}

variable "producer_history" {
  description = "Seconds of the past that the producer fills with events when the topic has none yet, so that a new platform has closed windows of an hour; 0 fills none."
  type        = number
  default     = 9000
  nullable    = false

  validation {
    condition     = var.producer_history >= 0 && var.producer_history <= 604800
    error_message = "The history must be from 0 to 604800 seconds (a week): write for example 9000."
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Servers
# ----------------------------------------------------------------------------------------------------------------------

variable "kafka" {
  description = "Memory of each broker; topics with another number of partitions or another retention than the contract says."
  type = object({
    heap   = optional(string)
    topics = optional(map(object({ partitions = optional(number), retention_ms = optional(number) })))
  })
  default  = {}
  nullable = false
}

variable "schema_registry" {
  description = "Memory of the registry."
  type = object({
    heap = optional(string)
  })
  default  = {}
  nullable = false
}

variable "postgres" {
  description = "The database's name."
  type = object({
    database = optional(string)
  })
  default  = {}
  nullable = false
}

variable "superset_enabled" {
  description = "Whether Superset runs with its dashboards."
  type        = bool
  default     = true
  nullable    = false
}

variable "superset" {
  description = "Number of Superset's processes."
  type = object({
    workers = optional(number)
  })
  default  = {}
  nullable = false
}
