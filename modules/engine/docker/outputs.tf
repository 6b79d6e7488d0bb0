output "target" {
  description = "Where and how containers are deployed: what every component's docker variant takes as its target."
  value = merge(local.target, {
    # Where clients of this machine find the certificate of the platform's authority.
    ca_file = terraform_data.authority.output.ca_file
    certificates = {
      image     = module.certificates_image.name
      authority = terraform_data.authority.output.volume
      # A higher one is another certificate for every server.
      generation = var.certificates
    }
  })
}
