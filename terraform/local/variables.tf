# What this environment has alone; what all take is in shared_variables.tf.

# ----------------------------------------------------------------------------------------------------------------------
# Where
# ----------------------------------------------------------------------------------------------------------------------

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
  description = "Added to every port: 9092 (Kafka), 9093, 8081 (registry), 8083, 5432 (PostgreSQL), 7077 (Spark master), 7078, 8080 (its user interface), 8082, 4040 (the stream job's), 8088 (Superset)."
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

# ----------------------------------------------------------------------------------------------------------------------
# Servers
# ----------------------------------------------------------------------------------------------------------------------

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
