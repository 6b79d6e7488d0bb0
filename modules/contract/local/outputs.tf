output "target" {
  description = "The target as it came in, and where the contract's publisher is installed. Known when the contract is known to be compatible."
  value       = merge(var.target, { contract_directory = local.directory })
  depends_on  = [terraform_data.check]
}
