locals {
  settings = { for name, value in var.environment : name => tostring(value) if value != null }
}

resource "terraform_data" "this" {
  triggers_replace = merge(var.triggers, {
    image    = var.image
    settings = sha256(jsonencode(local.settings))
    verb     = var.verb
  })

  # No secret comes near it: Terraform hides all output of a provisioner that is given one.
  provisioner "local-exec" {
    interpreter = ["bash", abspath("${path.module}/task.sh"), var.target.network, "${var.target.prefix}-${var.service}", var.image, var.script, join("\n", [for name, value in local.settings : "${name}=${value}"])]
    command     = var.verb
  }
}
