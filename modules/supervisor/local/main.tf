locals {
  # A file of their own: the command line looks at them before anything is built. The system allows a socket's path 107
  # characters; supervisord binds to the path with its process id behind it, then renames.
  limits = jsondecode(file("${path.module}/limits.json"))

  instance = "${var.home}/instances/${var.name}"
  manifest = "${var.artifacts_directory}/manifest.json"
  digests  = try({ for name, component in jsondecode(file(local.manifest)).components : name => component.sha256 }, {})
}

# No triggers: it is started once and stays, whatever is deployed under it.
resource "terraform_data" "this" {
  input = {
    program  = abspath("${path.module}/supervisor.sh")
    instance = local.instance
    at_end   = var.keep_data ? "stop" : "remove"
  }

  lifecycle {
    precondition {
      condition     = length(local.digests) > 0
      error_message = "There are no artifacts in ${var.artifacts_directory}: build them with `make artifacts`, or use `make up`, which does."
    }
  }

  provisioner "local-exec" {
    interpreter = ["bash", self.output.program, "start"]
    command     = self.output.instance
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["bash", self.output.program, self.output.at_end]
    command     = self.output.instance
  }
}
