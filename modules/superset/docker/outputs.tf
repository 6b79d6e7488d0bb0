output "url" {
  description = "Address of Superset. Known when its dashboards are imported."
  value       = "http://${var.target.host}:${var.port}"
  depends_on  = [module.dashboards]
}

output "usernames" {
  description = "Names of the administrator, the analyst and the viewer, by what they are."
  value       = { for user in keys(terraform_data.password) : user => user }
}

output "passwords" {
  description = "Their passwords, by what they are."
  value       = local.passwords
  sensitive   = true
}
