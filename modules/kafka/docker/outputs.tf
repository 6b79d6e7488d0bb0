output "bootstrap_servers" {
  description = "Where clients connect first: host:port, separated by commas. Known when the topics exist."
  value       = join(",", [for number in values(local.brokers) : "${var.target.host}:${var.port + number - 1}"])
  depends_on  = [module.topics, module.access]
}

output "internal_bootstrap_servers" {
  description = "The same for the other components, which may be in a network of their own."
  value       = "${local.all_brokers}:${local.client_port}"
  depends_on  = [module.topics, module.access]
}

output "users" {
  description = "Who may connect, and the password of each, by what they are: producer, stream, operator. Null where everyone of this machine may."
  value       = { for user, password in local.passwords : user => { username = user, password = password } }
  sensitive   = true
}

output "broker_count" {
  description = "Number of brokers."
  value       = var.settings.broker_count
}
