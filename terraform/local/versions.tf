# Works with Terraform and OpenTofu. terraform_data is built in, so there is no provider to install.
terraform {
  required_version = ">= 1.9"

  # The default platform keeps its state here; another one gives -backend-config=path=<file>.
  backend "local" {}
}
