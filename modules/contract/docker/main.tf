module "image" {
  source = "../../image/docker"

  target     = var.target
  stage      = "contract"
  components = ["contract_packages", "contract"]
  scripts    = ["packages.sh", "kafka.sh", "schema_registry.sh"]
}

# At the first deployment there is no registry to ask: its own module registers the schemas then.
resource "terraform_data" "check" {
  triggers_replace = {
    image = module.image.name
  }

  provisioner "local-exec" {
    interpreter = ["bash", abspath("${path.module}/check.sh"), var.target.network, "${var.target.prefix}-schema-registry"]
    command     = module.image.name
  }
}
