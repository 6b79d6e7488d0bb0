output "host" {
  description = "Address of the server."
  value       = var.target.host
}

output "port" {
  description = "Port of the server."
  value       = var.port
}

output "database" {
  description = "Name of the database. Known when its schema is up to date."
  value       = var.settings.database
  depends_on  = [module.migrations]
}

output "dsn" {
  description = "Connection of the application's role, which reads and writes. Known when the schema is up to date."
  value       = "postgresql://music_app:${local.passwords["application"]}@${local.outside}/${var.settings.database}?${local.verified}"
  sensitive   = true
  depends_on  = [module.migrations]
}

output "readonly_dsn" {
  description = "Connection of the role that only reads. Known when the schema is up to date."
  value       = "postgresql://music_readonly:${local.passwords["readonly"]}@${local.outside}/${var.settings.database}?${local.verified}"
  sensitive   = true
  depends_on  = [module.migrations]
}

output "dashboards_dsn" {
  description = "Connection of the role that sees the schema analytics and nothing else. Known when the schema is up to date."
  value       = "postgresql://music_dashboards:${local.passwords["dashboards"]}@${local.outside}/${var.settings.database}?${local.verified}"
  sensitive   = true
  depends_on  = [module.migrations]
}

output "internal_dsn" {
  description = "Connection of the application's role for the other components, which may be in a network of their own. Known when the schema is up to date."
  value       = "postgresql://music_app:${local.passwords["application"]}@${local.inside}/${var.settings.database}"
  sensitive   = true
  depends_on  = [module.migrations]
}

output "internal_dashboards_dsn" {
  description = "Connection of the dashboards' role for the other components. Known when the schema is up to date."
  value       = "postgresql://music_dashboards:${local.passwords["dashboards"]}@${local.inside}/${var.settings.database}"
  sensitive   = true
  depends_on  = [module.migrations]
}

output "superset_storage" {
  description = "Connection (url, user, password) of the database that Superset keeps its records in."
  value       = local.superset
  sensitive   = true
  # The server must be there, the schema of the other database need not.
  depends_on = [module.service]
}

output "registry_storage" {
  description = "Connection (url, user, password) of the database that the schema registry stores in."
  value       = local.registry
  sensitive   = true
  # The server must be there, the schema of the other database need not.
  depends_on = [module.service]
}
