variable "name" {
  description = "Name of the platform: several of them run next to each other when their names and ports differ."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$", var.name))
    error_message = "The name must begin with a lower-case letter, hold at most 31 lower-case letters, digits and hyphens, and not end with a hyphen: write for example \"second\"."
  }
}

variable "home" {
  description = "Directory of the platform's own files; it is written on everything that the platform has in the engine, so that two checkouts can be told apart."
  type        = string
}

variable "checkout" {
  description = "The checkout that the images are built from."
  type        = string
}

variable "artifacts_directory" {
  description = "Directory of the built artifacts, with their manifest.json: build/artifacts of the checkout."
  type        = string
}

variable "base_image" {
  description = "The image that all others are built on: Debian 12, or another distribution with apt-get and the Python that the wheels are for."
  type        = string
}

variable "host" {
  description = "Address of this machine that ports are published on."
  type        = string
}

variable "keep_data" {
  description = "Whether destroy leaves the volumes."
  type        = bool
}

variable "certificates" {
  description = "Number of the servers' certificates: another one lets all of them be issued anew."
  type        = number
}
