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

variable "name" {
  description = "Name of the service: of its container (behind the platform's prefix), of its volume, and in the network."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.name))
    error_message = "The name must be lower-case letters, digits and hyphens, because it is a name in the network: write for example \"kafka-1\"."
  }
}

variable "aliases" {
  description = "Further names in the network, which several services may share."
  type        = list(string)
  default     = []
}

variable "image" {
  description = "The image's id in the engine, and the number of its unprivileged user."
  type = object({
    id   = string
    user = optional(number, 10001)
  })
}

variable "script" {
  description = "The provisioning script's name, such as kafka.sh."
  type        = string
}

variable "role" {
  description = "What the script is asked to be, when it knows several roles (spark.sh: master, worker, job)."
  type        = string
  default     = ""
}

variable "environment" {
  description = "Its settings. A changed one replaces the container; null leaves a setting at its default."
  type        = map(string)
}

variable "secrets" {
  description = "Its secret settings."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "ports" {
  description = "The ports that are published on this machine, by what they are in the container; what asks nobody for a password is for this machine alone."
  type = list(object({
    internal   = number
    external   = number
    local_only = optional(bool, false)
  }))
  default = []
}

variable "memory" {
  description = "Megabytes that it may use; swap is not added."
  type        = number
}

variable "cores" {
  description = "Cores that it may use at most, whole or not; more than the machine has are no limit."
  type        = number
}

variable "healthy_within" {
  description = "Seconds until it must be healthy; otherwise the deployment fails. Busy cores start a server slowly."
  type        = number
  default     = 240
}

variable "stop_within" {
  description = "Seconds that it has to stop by itself."
  type        = number
  default     = 30
}

variable "stop_signal" {
  description = "The signal that asks it to stop."
  type        = string
  default     = "TERM"
}
