output "bootstrap_servers" {
  description = "Where clients connect first: host:port, separated by commas. Known when the topics exist."
  value       = "${var.target.host}:${var.port}"
  depends_on  = [terraform_data.topics]
}
