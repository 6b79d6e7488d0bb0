output "target" {
  description = "The target as it came in, and the image of the contract's publisher. Known when the contract is known to be compatible."
  value       = merge(var.target, { contract_image = module.image.name })
  depends_on  = [terraform_data.check]
}
