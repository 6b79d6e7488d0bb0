# ----------------------------------------------------------------------------------------------------------------------
# Which platform, and where
# ----------------------------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of this platform. A second one on the same machine needs another name and another port_offset."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "The name must begin with a lower-case letter and hold at most 31 lower-case letters, digits and hyphens: write for example \"second\"."
  }
}

variable "home" {
  description = "Directory for installed programs and data. Default: .platform in the checkout, or for root (whose own directories the servers' user cannot read) a directory of the checkout's below /var/lib/music-platform."
  type        = string
  default     = null

  validation {
    condition     = var.home == null ? true : startswith(var.home, "/")
    error_message = "The home must be an absolute path: write for example \"/var/lib/music-platform/mine\"."
  }
}

variable "artifacts_directory" {
  description = "Directory of the built artifacts. Default: build/artifacts in the checkout."
  type        = string
  default     = null
}

variable "port_offset" {
  description = "Added to every port: 9092 (Kafka), 9093, 8081 (registry), 8083, 5432 (PostgreSQL), 7077 (Spark master), 7078, 8080 (its user interface), 8082, 4040 (the stream job's)."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.port_offset >= 0 && var.port_offset <= 50000 && floor(var.port_offset) == var.port_offset
    error_message = "The port offset must be a whole number from 0 to 50000: write for example 100."
  }
}

variable "run_as" {
  description = "Unprivileged user that the servers run as when root starts them. PostgreSQL refuses to run as root."
  type        = string
  default     = "nobody"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]*$", var.run_as)) && var.run_as != "root"
    error_message = "The servers must run as an unprivileged user of this machine: write for example \"nobody\"."
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
  description = "Events per second; 0 runs no producer."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.producer_rate >= 0 && var.producer_rate <= 1000000
    error_message = "The rate must be from 0 (no producer) to 1000000 events a second: write for example 500."
  }
}

variable "producer_users" {
  description = "Number of listeners. Default: the producer's."
  type        = number
  default     = null

  validation {
    condition     = var.producer_users == null ? true : var.producer_users >= 1 && floor(var.producer_users) == var.producer_users
    error_message = "The number of users must be a whole number from 1 on: write for example 10000."
  }
}

variable "producer_songs" {
  description = "Number of songs. Default: the producer's."
  type        = number
  default     = null

  validation {
    condition     = var.producer_songs == null ? true : var.producer_songs >= 1 && floor(var.producer_songs) == var.producer_songs
    error_message = "The number of songs must be a whole number from 1 on: write for example 5000."
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
  description = "Memory of the broker; topics with another number of partitions or another retention than the contract says."
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

variable "spark" {
  description = "Size of the cluster, and how the stream job works."
  type = object({
    worker_cores          = optional(number)
    worker_memory         = optional(string)
    daemon_memory         = optional(string)
    driver_memory         = optional(string)
    executor_memory       = optional(string)
    trigger_interval      = optional(string)
    watermark_delay       = optional(string)
    max_offsets_per_batch = optional(number)
    windows               = optional(map(string))
  })
  default  = {}
  nullable = false
}
