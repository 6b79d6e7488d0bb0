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
  description = "Size of the cluster, and how the stream job works. What is left out has the job's own default; executors have a heap of half of their worker's memory."
  type = object({
    worker_count          = optional(number, 1)
    worker_cores          = optional(number, 2)
    worker_memory         = optional(string, "2g")
    daemon_memory         = optional(string, "256m")
    driver_memory         = optional(string, "1g")
    executor_memory       = optional(string)
    trigger_interval      = optional(string)
    watermark_delay       = optional(string)
    max_offsets_per_batch = optional(number)
    windows               = optional(map(string), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for size in [var.settings.worker_memory, var.settings.daemon_memory, var.settings.driver_memory, coalesce(var.settings.executor_memory, "1g")] : can(regex("^[1-9][0-9]*[mg]$", size))])
    error_message = "Memory must be a whole number of megabytes or gigabytes: write for example \"1536m\" or \"2g\"."
  }

  # Spark refuses to start an executor whose heap is below 450 MB, of which the virtual machine keeps some for itself.
  validation {
    condition     = try(tonumber(regex("^[0-9]+", var.settings.worker_memory)) * (endswith(var.settings.worker_memory, "g") ? 1024 : 1) >= (var.settings.executor_memory == null ? 1024 : 512), true)
    error_message = "The smallest worker has 1g: half of it is an executor's heap, and Spark starts none with less than 512m. Write for example \"2g\"."
  }

  validation {
    condition = try(alltrue([for size in [tonumber(regex("^[0-9]+", var.settings.executor_memory)) * (endswith(var.settings.executor_memory, "g") ? 1024 : 1)] :
      size >= 512 && size <= tonumber(regex("^[0-9]+", var.settings.worker_memory)) * (endswith(var.settings.worker_memory, "g") ? 1024 : 1)
    ]), true)
    error_message = "An executor's memory must be from 512m to the memory of its worker, or no worker could run one: leave it out to get half of the worker's."
  }

  validation {
    condition     = var.settings.worker_count >= 1 && var.settings.worker_count <= 32 && floor(var.settings.worker_count) == var.settings.worker_count
    error_message = "The number of workers must be a whole number from 1 to 32: write for example 2."
  }

  validation {
    condition     = var.settings.worker_cores >= 1 && floor(var.settings.worker_cores) == var.settings.worker_cores
    error_message = "The worker needs one core or more: write a whole number from 1 on."
  }

  validation {
    condition     = alltrue([for name in keys(var.settings.windows) : contains(["content", "device", "location", "user", "hourly"], name)])
    error_message = "Windows can be set for content, device, location, user and hourly: write for example { content = \"5 minutes\" }."
  }

  validation {
    # In milliseconds. The job refuses other lengths too, but only after its predecessor was stopped.
    condition = try(alltrue([
      for span in [
        for part in [for length in values(var.settings.windows) : regex("^([0-9]{1,9}) (millisecond|second|minute|hour|day)s?$", length) if length != null] :
        part[0] * { millisecond = 1, second = 1000, minute = 60000, hour = 3600000, day = 86400000 }[part[1]]
      ] : span >= 1000 && 86400000 % span == 0
    ]), false)
    error_message = "A window's length must divide a day into equal parts of a second or more: write for example \"1 minute\", \"5 minutes\" or \"1 hour\"."
  }

  validation {
    condition     = alltrue([for span in [var.settings.trigger_interval, var.settings.watermark_delay] : span == null || can(regex("^[0-9]{1,6} (millisecond|second|minute|hour|day)s?$", span))])
    error_message = "The trigger interval and the watermark's delay must be a number and a unit: write for example \"500 milliseconds\" or \"10 minutes\"."
  }

  validation {
    condition     = try(var.settings.max_offsets_per_batch >= 1 && floor(var.settings.max_offsets_per_batch) == var.settings.max_offsets_per_batch, var.settings.max_offsets_per_batch == null)
    error_message = "A batch needs one record or more: write a whole number from 1 on as max_offsets_per_batch."
  }
}

variable "kafka_bootstrap_servers" {
  description = "Where the job connects to Kafka."
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
  description = "Where the job looks schemas up."
  type        = string
}

variable "postgres_dsn" {
  description = "Where the job writes."
  type        = string
  sensitive   = true
}

variable "master_ui_port" {
  description = "Port of the master's user interface."
  type        = number

  validation {
    condition     = var.master_ui_port >= 1024 && var.master_ui_port <= 65535 && floor(var.master_ui_port) == var.master_ui_port
    error_message = "The port must be a whole number from 1024 to 65535: choose a smaller port_offset."
  }
}

variable "ui_port" {
  description = "Port of the stream job's user interface."
  type        = number

  validation {
    condition     = var.ui_port >= 1024 && var.ui_port <= 65535 && floor(var.ui_port) == var.ui_port
    error_message = "The port must be a whole number from 1024 to 65535: choose a smaller port_offset."
  }
}
