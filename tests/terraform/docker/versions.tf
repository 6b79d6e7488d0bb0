# The root of the tests of the docker environment: `terraform -chdir=tests/terraform/docker init && terraform
# -chdir=tests/terraform/docker test` runs all of them, in seconds, without an engine.
terraform {
  required_version = ">= 1.9"
}
