locals {
  dockerfile = "${path.module}/Dockerfile"
  provision  = "${var.target.checkout}/scripts/provision"

  # All that the image is made of. Its hash is the tag, so an image is built again when one of these has changed and at
  # no other time.
  inputs = {
    stage     = var.stage
    base      = var.target.base_image
    recipe    = [for file in ["Dockerfile", "Dockerfile.dockerignore", "container.sh"] : filesha256("${path.module}/${file}")]
    scripts   = [for file in concat(["installation.sh", "manifest.py", "platform.sh"], var.scripts) : filesha256("${local.provision}/${file}")]
    artifacts = [for component in var.components : lookup(var.target.digests, component, "missing")]
  }
}

resource "docker_image" "this" {
  name = "${var.target.prefix}/${var.stage}:${substr(sha256(jsonencode(local.inputs)), 0, 12)}"

  build {
    context    = var.target.checkout
    dockerfile = abspath(local.dockerfile)
    target     = var.stage
    build_args = { BASE_IMAGE = var.target.base_image }
    label      = var.target.labels
  }

  # The old containers run until the new image is there.
  # Whatever an image depends on is then made before its former one goes, too: that must never be a container, whose name
  # is taken until it has gone. So no module with an image has a `depends_on` of one with a container.
  lifecycle {
    create_before_destroy = true
  }
}
