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

variable "image" {
  description = "The image that it runs in."
  type        = string
}

variable "script" {
  description = "The provisioning script's name, such as kafka.sh."
  type        = string
}

variable "verb" {
  description = "What the script is asked to do."
  type        = string
}

variable "service" {
  description = "The running service whose settings and secrets it is given."
  type        = string
}

variable "triggers" {
  description = "It runs again when one of these has changed."
  type        = map(string)
  default     = {}
}

variable "environment" {
  description = "More settings; null leaves a setting at its default."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for value in values(var.environment) : value == null ? true : !can(regex("\n", value))])
    error_message = "A setting must not hold a line break: remove it from the value."
  }
}
