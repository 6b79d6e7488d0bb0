output "url" {
  description = "Address of the Confluent-compatible interface. Known when the contract's schemas are registered."
  value       = "http://${var.target.host}:${var.port}/apis/ccompat/v7"
  depends_on  = [terraform_data.schemas]
}

output "internal_url" {
  description = "The same for the other components, which may be in a network of their own."
  value       = "http://${var.target.host}:${var.port}/apis/ccompat/v7"
  depends_on  = [terraform_data.schemas]
}
