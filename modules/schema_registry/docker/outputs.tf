output "url" {
  description = "Address of the Confluent-compatible interface. Known when the contract's schemas are registered."
  value       = "http://127.0.0.1:${var.port}/apis/ccompat/v7"
  depends_on  = [module.schemas]
}

output "internal_url" {
  description = "The same for the other components, which may be in a network of their own."
  value       = "http://${local.name}:${local.client_port}/apis/ccompat/v7"
  depends_on  = [module.schemas]
}
