variable "target" {
  description = "Where to deploy: the output of the supervisor."
  type = object({
    instance_directory  = string
    opt_directory       = string
    artifacts_directory = string
    provision_directory = string
    host                = string
    run_as              = string
    supervisor          = string
    digests             = map(string)
  })
}

variable "settings" {
  description = "Number of processes: each takes up to 350 MB and answers 8 requests at a time."
  type = object({
    workers = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.workers >= 1 && var.settings.workers <= 16 && floor(var.settings.workers) == var.settings.workers
    error_message = "The number of workers must be a whole number from 1 to 16: write for example 2."
  }
}

variable "storage" {
  description = "Connection of the PostgreSQL database that it keeps its records in."
  type = object({
    url      = string
    user     = string
    password = string
  })
  sensitive = true
}

variable "analytics_dsn" {
  description = "Connection of the role that sees the schema analytics and nothing else: what the dashboards query."
  type        = string
  sensitive   = true
}

variable "port" {
  description = "Port for browsers."
  type        = number

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1024 to 65535: choose a smaller port_offset."
  }
}
