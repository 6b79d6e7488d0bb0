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
  description = "The database's name."
  type = object({
    database = optional(string, "music")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.settings.database)) && !contains(["postgres", "registry", "superset", "template0", "template1"], var.settings.database)
    error_message = "The database must be lower-case letters, digits and underscores, and none that PostgreSQL, the registry or Superset uses: write for example \"music\"."
  }
}

variable "port" {
  description = "Port for clients."
  type        = number

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1024 to 65535: choose a smaller port_offset."
  }
}
