output "bootstrap_servers" {
  description = "Where clients connect first: host:port, separated by commas. Known when the topics exist."
  value       = "${var.target.host}:${var.port}"
  depends_on  = [terraform_data.topics]
}

output "internal_bootstrap_servers" {
  description = "The same for the other components, which may be in a network of their own."
  value       = "${var.target.host}:${var.port}"
  depends_on  = [terraform_data.topics]
}

output "users" {
  description = "Who may connect, and the password of each, by what they are: producer, stream, operator. Null where everyone of this machine may."
  value       = { for user in ["producer", "stream", "operator"] : user => null }
  sensitive   = true
}

output "broker_count" {
  description = "Number of brokers."
  value       = local.broker_count
}
