output "target" {
  description = "Where and how services are deployed: what every component's local variant takes as its target."
  value = {
    instance_directory  = local.instance
    opt_directory       = "${var.home}/opt"
    artifacts_directory = var.artifacts_directory
    provision_directory = var.provision_directory
    host                = var.host
    run_as              = var.run_as
    # Changes when the supervisor is made anew, and then everything under it is.
    supervisor = terraform_data.this.id
    # The hash of each component's artifacts: a new one is a new installation.
    digests = local.digests
  }
}
