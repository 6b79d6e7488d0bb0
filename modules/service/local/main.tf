locals {
  program = abspath("${path.module}/service.sh")
  script  = "${var.target.provision_directory}/${var.script}"

  environment = merge({
    MUSIC_ARTIFACTS_DIR = var.target.artifacts_directory
    MUSIC_OPT_DIR       = "${var.target.opt_directory}/${var.component}-${substr(lookup(var.target.digests, var.component, "missing"), 0, 12)}"
    MUSIC_CONFIG_DIR    = "${var.target.instance_directory}/etc"
    MUSIC_DATA_DIR      = "${var.target.instance_directory}/data/${var.data_name}"
    MUSIC_RUN_AS        = var.target.run_as
  }, var.environment)

  code = concat(
    [for name in concat([var.script, "platform.sh", "installation.sh"], var.files) : "${var.target.provision_directory}/${name}"],
    [local.program],
  )

  settings = join("\n", [for name, value in local.environment : "${name}='${value}'" if value != null])

  uses = nonsensitive(sha256(jsonencode([local.settings, var.secrets])))

  version = {
    lifecycle = terraform_data.lifecycle.id
    settings  = local.uses
    code      = sha256(join("", [for file in local.code : filesha256(file)]))
    process   = sha256(jsonencode([var.ports, var.stop_within, var.stop_signal]))
  }

  # What service.sh needs to know for every verb.
  call = {
    SERVICE_NAME     = var.name
    SERVICE_INSTANCE = var.target.instance_directory
    SERVICE_SCRIPT   = local.script
    SERVICE_ROLE     = var.role
  }
}

# Two resources, so that a deployment that fails early leaves the running service alone: replacing `deploy` stops
# nothing by itself, its script does once the new version is installed. `lifecycle` stops the service at the end.
resource "terraform_data" "lifecycle" {
  input = merge(local.call, {
    program = local.program
    # Whose addresses and passwords it uses is stopped after it.
    uses = local.uses
  })
  triggers_replace = [var.target.supervisor]

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["bash", self.output.program]
    command     = "stop"
    environment = {
      SERVICE_NAME     = self.output.SERVICE_NAME
      SERVICE_INSTANCE = self.output.SERVICE_INSTANCE
      SERVICE_SCRIPT   = self.output.SERVICE_SCRIPT
    }
  }
}

resource "terraform_data" "deploy" {
  triggers_replace = local.version

  # Terraform hides all output of a provisioner that is given a secret: this one has nothing to say.
  provisioner "local-exec" {
    interpreter = ["bash", local.program]
    command     = "secrets"
    environment = merge(local.call, {
      SERVICE_SECRETS = join("\n", [for name, value in var.secrets : "${name}='${value}'"])
    })
  }

  provisioner "local-exec" {
    interpreter = ["bash", local.program]
    command     = "deploy"
    environment = merge(local.call, {
      SERVICE_ENVIRONMENT    = local.settings
      SERVICE_PORTS          = join(" ", var.ports)
      SERVICE_HOST           = var.target.host
      SERVICE_HEALTHY_WITHIN = var.healthy_within
      SERVICE_STOP_WITHIN    = var.stop_within
      SERVICE_STOP_SIGNAL    = var.stop_signal
      SERVICE_VERSION        = sha256(jsonencode(local.version))
    })
  }
}
