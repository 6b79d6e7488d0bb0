# What this environment has alone; what all take is in shared_variables.tf.

# ----------------------------------------------------------------------------------------------------------------------
# Where
# ----------------------------------------------------------------------------------------------------------------------

variable "home" {
  description = "Directory of this platform's own files: settings, state, and the certificate that its clients need. Default: as in terraform/local."
  type        = string
  default     = null

  validation {
    condition     = var.home == null ? true : startswith(var.home, "/")
    error_message = "The home must be an absolute path: write for example \"/var/lib/music-platform/mine\"."
  }
}

variable "base_image" {
  description = "The image that all others are built on: Debian 12, or another distribution with apt-get and the Python that the wheels are for."
  type        = string
  default     = "debian:bookworm-slim"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9./_-]*(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$", var.base_image))
    error_message = "The base image must be the name of an image: write for example \"debian:bookworm-slim\"."
  }
}

variable "published_on" {
  description = "Address of this machine that ports are published on. Another one than 127.0.0.1 opens the platform to a network."
  type        = string
  default     = "127.0.0.1"
  nullable    = false

  validation {
    condition     = can(cidrhost("${var.published_on}/32", 0))
    error_message = "The address must be an IPv4 address: write for example \"127.0.0.1\"."
  }
}

variable "port_offset" {
  description = "Added to every port: 9092 (Kafka; 9093 and 9094 for more brokers), 8081 (registry), 5432 (PostgreSQL), 8080 (user interface of Spark's master), 4040 (the stream job's), 8088 (Superset)."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.port_offset >= 0 && var.port_offset <= 50000 && floor(var.port_offset) == var.port_offset
    error_message = "The port offset must be a whole number from 0 to 50000: write for example 100."
  }
}

variable "certificates" {
  description = "Number of the servers' certificates: another one lets all of them be issued anew (`make rotate-certificates`)."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.certificates >= 1 && floor(var.certificates) == var.certificates
    error_message = "The number of the certificates must be a whole number from 1 on: write one more than now."
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Servers
# ----------------------------------------------------------------------------------------------------------------------

variable "kafka_broker_count" {
  description = "Number of brokers, 1 or 3. With 3 every record is kept thrice, and one broker may fail."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains([1, 3], var.kafka_broker_count)
    error_message = "There may be 1 broker or 3: with 2, the loss of either would stop both the quorum and the writes."
  }
}

variable "spark_worker_count" {
  description = "Number of Spark's workers; another one joins while the stream goes on."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.spark_worker_count >= 1 && var.spark_worker_count <= 32 && floor(var.spark_worker_count) == var.spark_worker_count
    error_message = "The number of workers must be a whole number from 1 to 32: write for example 2."
  }
}

variable "spark_worker_cores" {
  description = "Cores of each worker. Default: the module's."
  type        = number
  default     = null

  validation {
    condition     = var.spark_worker_cores == null ? true : var.spark_worker_cores >= 1 && floor(var.spark_worker_cores) == var.spark_worker_cores
    error_message = "The number of cores must be a whole number from 1 on: write for example 2."
  }
}

variable "spark_worker_memory" {
  description = "Memory of each worker, from 1g on: half of it is its executor's heap. Default: the module's."
  type        = string
  default     = null

  validation {
    condition     = var.spark_worker_memory == null ? true : can(regex("^[1-9][0-9]*[mg]$", var.spark_worker_memory))
    error_message = "The memory must be a whole number of megabytes or gigabytes: write for example \"1536m\" or \"2g\"."
  }
}

variable "spark" {
  description = "Memory of the cluster's processes, and how the stream job works."
  type = object({
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
