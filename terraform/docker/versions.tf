# Works with Terraform and OpenTofu.
terraform {
  required_version = ">= 1.9"

  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = "~> 4.6"
    }
  }

  # The state of the default platform; another one gives -backend-config=path=<file>. Not called terraform.tfstate:
  # Terraform would want to move a state of that name into that of every other platform.
  backend "local" {
    path = "default.tfstate"
  }
}

# The engine is that of DOCKER_HOST, or the one of this machine.
provider "docker" {}
