variable "name" {
  description = "Name of the platform: several of them run next to each other when their names and ports differ."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$", var.name))
    error_message = "The name must begin with a lower-case letter, hold at most 31 lower-case letters, digits and hyphens, and not end with a hyphen: write for example \"second\"."
  }
}

variable "home" {
  description = "Directory for installed programs and for the platforms' data. It must be readable for run_as."
  type        = string

  validation {
    condition     = can(regex(local.limits.home_pattern, var.home))
    error_message = "The home must be an absolute path of letters, digits, dots, hyphens and underscores: write for example \"/var/lib/music-platform\"."
  }

  validation {
    condition     = length("${var.home}/instances/${var.name}/run/supervisor.sock") <= local.limits.socket_path
    error_message = "The supervisor's socket ${var.home}/instances/${var.name}/run/supervisor.sock would have a path of more than ${local.limits.socket_path} characters: choose a home nearer to the root, or a shorter name."
  }
}

variable "artifacts_directory" {
  description = "Directory of the built artifacts, with their manifest.json."
  type        = string
}

variable "provision_directory" {
  description = "Directory of the provisioning scripts."
  type        = string
}

variable "host" {
  description = "Address that every server binds to."
  type        = string
}

variable "run_as" {
  description = "Unprivileged user that the servers run as when the platform is started by root."
  type        = string
}

variable "keep_data" {
  description = "Whether destroy leaves the data on the disk."
  type        = bool
}
