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
