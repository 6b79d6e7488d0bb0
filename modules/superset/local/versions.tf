# terraform_data is built in, so there is no provider to install.
terraform {
  required_version = ">= 1.9"
}
