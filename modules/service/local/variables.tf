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

variable "name" {
  description = "Name of the service: of its process in the supervisor, its settings file and its log."
  type        = string
}

variable "script" {
  description = "The provisioning script's name, such as kafka.sh."
  type        = string
}

variable "files" {
  description = "Other files of the provisioning directory that the script uses. A changed one restarts the service."
  type        = list(string)
  default     = []
}

variable "role" {
  description = "What the script is asked to be, when it knows several roles (spark.sh: master, worker, job)."
  type        = string
  default     = ""
}

variable "component" {
  description = "The component of the artifacts that it is installed from."
  type        = string
}

variable "data_name" {
  description = "Name of its data directory."
  type        = string
}

variable "environment" {
  description = "Its settings. A changed one restarts it; null leaves a setting at its default."
  type        = map(string)

  validation {
    condition     = alltrue([for value in values(var.environment) : value == null ? true : !can(regex("['\n]", value))])
    error_message = "A setting must not hold a single quote or a line break: remove it from the value."
  }
}

variable "secrets" {
  description = "Its secret settings. They are kept in a file of mode 0600, apart from the others."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "ports" {
  description = "The ports that it listens on; they must be free before it starts."
  type        = list(number)
  default     = []
}

variable "healthy_within" {
  description = "Seconds until it must be healthy; otherwise it is stopped and the deployment fails."
  type        = number
  default     = 90
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
