# The tests' own root: `terraform -chdir=tests/terraform init && terraform -chdir=tests/terraform test` runs all of
# them, in seconds, without a server. Each names the module that it tests.
terraform {
  required_version = ">= 1.9"
}
