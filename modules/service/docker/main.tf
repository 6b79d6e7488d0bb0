locals {
  environment = merge(
    { for name, value in var.environment : name => tostring(value) if value != null },
    {
      MUSIC_TLS_DIR = "/etc/music-platform/tls"
      # Another certificate is another container: servers read theirs when they start.
      MUSIC_TLS_ISSUE = terraform_data.certificate.id
    },
    var.secrets,
  )

  # By which clients may reach it, besides its own name.
  other_names = join(" ", concat([var.target.host], var.aliases))

  script = "/opt/music-platform/provision/${var.script}"

  # Microseconds: Linux's own default.
  cpu_period = 100000

  # As the engine writes it, or every plan would see a change: 1m30s, not 90s.
  minutes      = floor(var.healthy_within / 60)
  start_period = "${local.minutes > 0 ? "${local.minutes}m" : ""}${var.healthy_within % 60}s"
}

# Made by the engine's client: a volume that Terraform knows, it would remove with the container. And only a volume that
# is made before its container has the labels by which it is found again.
resource "terraform_data" "volume" {
  input = "${var.target.prefix}-${var.name}"

  provisioner "local-exec" {
    interpreter = ["bash", abspath("${path.module}/../../engine/docker/volumes.sh"), "make", self.output]
    command     = join(" ", [for label, value in var.target.labels : "${label}=${value}"])
  }
}

# In a volume of its own, so that a server can read its own key and no other.
resource "terraform_data" "certificate" {
  input            = "${var.target.prefix}-${var.name}-tls"
  triggers_replace = [var.target.certificates.authority, var.target.certificates.generation, local.other_names]

  provisioner "local-exec" {
    interpreter = ["bash", abspath("${path.module}/../../engine/docker/certificates.sh"), "issue", var.target.certificates.image, var.target.certificates.authority, self.output, var.name, local.other_names]
    command     = join(" ", [for label, value in var.target.labels : "${label}=${value}"])
  }
}

resource "docker_container" "this" {
  name     = "${var.target.prefix}-${var.name}"
  hostname = var.name
  image    = var.image.id
  command  = var.role == "" ? null : [var.role]
  env      = [for name, value in local.environment : "${name}=${value}"]

  # --- Life ---------------------------------------------------------------------------------------------------------
  # The engine starts it again when it ends, and after a restart of the machine.
  restart               = "unless-stopped"
  init                  = true
  stop_signal           = "SIG${var.stop_signal}"
  stop_timeout          = var.stop_within
  destroy_grace_seconds = var.stop_within
  wait                  = true
  wait_timeout          = var.healthy_within

  healthcheck {
    test         = var.role == "" ? ["CMD", local.script, "health"] : ["CMD", local.script, "health", var.role]
    interval     = "5s"
    timeout      = "10s"
    start_period = local.start_period
    retries      = 6
  }

  # --- Rights -------------------------------------------------------------------------------------------------------
  # The image's user has none. What is written goes into the volume, or into memory.
  read_only     = true
  security_opts = ["no-new-privileges"]

  capabilities {
    drop = ["ALL"]
  }

  tmpfs = {
    "/tmp"                = "rw,nosuid,nodev,size=256m,mode=1777"
    "/run/music-platform" = "rw,nosuid,nodev,noexec,size=16m,mode=0700,uid=${var.image.user},gid=${var.image.user}"
  }

  volumes {
    volume_name    = terraform_data.volume.output
    container_path = "/var/lib/music-platform"
  }

  volumes {
    volume_name    = terraform_data.certificate.output
    container_path = "/etc/music-platform/tls"
    read_only      = true
  }

  # --- Limits -------------------------------------------------------------------------------------------------------
  memory      = var.memory
  memory_swap = var.memory
  # As a quota: the engine refuses a limit in cores where the machine has fewer.
  cpu_period = local.cpu_period
  cpu_quota  = floor(var.cores * local.cpu_period)
  shm_size   = 256
  log_driver = "json-file"
  log_opts   = { "max-size" = "50m", "max-file" = "3" }

  # --- Network ------------------------------------------------------------------------------------------------------
  networks_advanced {
    name    = var.target.network
    aliases = concat([var.name], var.aliases)
  }

  dynamic "ports" {
    for_each = var.ports
    content {
      internal = ports.value.internal
      external = ports.value.external
      ip       = ports.value.local_only ? "127.0.0.1" : var.target.host
    }
  }

  dynamic "labels" {
    for_each = merge(var.target.labels, { "music-platform.service" = replace(var.name, "-", "_") })
    content {
      label = labels.key
      value = labels.value
    }
  }
}
