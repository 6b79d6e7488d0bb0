# Works with Terraform and OpenTofu. terraform_data is built in, so there is no provider to install.
terraform {
  required_version = ">= 1.9"

  # The state of the default platform; another one gives -backend-config=path=<file>. Not called terraform.tfstate:
  # Terraform would want to move a state of that name into that of every other platform.
  backend "local" {
    path = "default.tfstate"
  }
}
