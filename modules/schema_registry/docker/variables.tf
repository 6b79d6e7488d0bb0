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
  description = "Memory of the registry."
  type = object({
    heap = optional(string, "256m")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[1-9][0-9]*[mg]$", var.settings.heap))
    error_message = "The heap must be a whole number of megabytes or gigabytes: write for example \"512m\" or \"1g\"."
  }
}

variable "storage" {
  description = "Connection of the PostgreSQL database that it stores in."
  type = object({
    url      = string
    user     = string
    password = string
  })
  sensitive = true
}

variable "port" {
  description = "Port for clients."
  type        = number

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1024 to 65535: choose a smaller port_offset."
  }
}
