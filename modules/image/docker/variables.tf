variable "target" {
  description = "Where to deploy: the output of the engine."
  type = object({
    prefix     = string
    network    = string
    labels     = map(string)
    checkout   = string
    base_image = string
    host       = string
    digests    = map(string)
    data       = string
  })
}

variable "stage" {
  description = "The target of the Dockerfile."
  type        = string
}

variable "components" {
  description = "The components of the artifacts that it is made of, with those of the stages below."
  type        = list(string)
}

variable "scripts" {
  description = "The files of scripts/provision that it holds, besides installation.sh, manifest.py and platform.sh."
  type        = list(string)
}
