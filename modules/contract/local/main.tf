locals {
  directory = "${var.target.opt_directory}/contract-${substr(lookup(var.target.digests, "contract", "missing"), 0, 12)}"
}

# At the first deployment there is no registry to ask: its own module registers the schemas then.
resource "terraform_data" "check" {
  triggers_replace = {
    supervisor = var.target.supervisor
    contract   = lookup(var.target.digests, "contract", "missing")
  }

  provisioner "local-exec" {
    interpreter = ["bash", abspath("${path.module}/../../service/local/service.sh"), "probe"]
    command     = "check"
    environment = {
      SERVICE_NAME       = "schema_registry"
      SERVICE_INSTANCE   = var.target.instance_directory
      SERVICE_SCRIPT     = "${var.target.provision_directory}/schema_registry.sh"
      SERVICE_ARTIFACTS  = var.target.artifacts_directory
      MUSIC_CONTRACT_DIR = local.directory
    }
  }
}
