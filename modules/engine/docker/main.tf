locals {
  prefix   = "music-${var.name}"
  manifest = "${var.artifacts_directory}/manifest.json"
  digests  = try({ for name, component in jsondecode(file(local.manifest)).components : name => component.sha256 }, {})

  target = {
    prefix     = local.prefix
    network    = docker_network.this.name
    labels     = local.labels
    checkout   = var.checkout
    base_image = var.base_image
    host       = var.host
    # The hash of each component's artifacts: a new one is a new image.
    digests = local.digests
    # Comes before every container, and goes after the last one.
    data = terraform_data.data.id
  }

  # On everything that the platform has in the engine: by these the command line finds it again.
  labels = {
    "music-platform.name" = var.name
    "music-platform.home" = var.home
  }
}

module "certificates_image" {
  source = "../../image/docker"

  target     = local.target
  stage      = "certificates"
  components = []
  scripts    = ["certificates.sh"]
}

resource "docker_network" "this" {
  name = local.prefix

  dynamic "labels" {
    for_each = local.labels
    content {
      label = labels.key
      value = labels.value
    }
  }

  lifecycle {
    # The images are made before the former ones go, and so would a network with other labels be: of the same name.
    ignore_changes = [labels]

    precondition {
      condition     = length(local.digests) > 0
      error_message = "There are no artifacts in ${var.artifacts_directory}: build them with `make artifacts`, or use `make up ENV=docker`, which does."
    }
  }
}

# Terraform does not know the volumes (modules/service/docker): so `destroy` can leave the data. The containers are gone
# when this one's turn to be destroyed comes.
resource "terraform_data" "data" {
  input = {
    program = abspath("${path.module}/volumes.sh")
    name    = var.name
    at_end  = var.keep_data ? "keep" : "remove"
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["bash", self.output.program, self.output.at_end]
    command     = self.output.name
  }
}

# The key of the authority never leaves its volume. Its certificate is copied out: clients of this machine need it.
resource "terraform_data" "authority" {
  input = {
    volume  = "${local.prefix}-authority"
    ca_file = "${var.home}/docker/${var.name}/ca.pem"
    data    = terraform_data.data.id
  }

  provisioner "local-exec" {
    interpreter = ["bash", abspath("${path.module}/certificates.sh"), "authority", module.certificates_image.name, self.output.volume, self.output.ca_file]
    command     = join(" ", [for label, value in local.labels : "${label}=${value}"])
  }
}
