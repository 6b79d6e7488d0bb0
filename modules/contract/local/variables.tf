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
