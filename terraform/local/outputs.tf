output "kafka_bootstrap_servers" {
  description = "Where Kafka's clients connect."
  value       = module.kafka.bootstrap_servers
}

output "schema_registry_url" {
  description = "The schema registry's Confluent-compatible interface."
  value       = module.schema_registry.url
}

output "spark_master_url" {
  description = "Where Spark jobs are submitted."
  value       = module.spark.master_url
}

output "spark_ui_url" {
  description = "User interface of the Spark cluster."
  value       = module.spark.ui_url
}

output "spark_job_ui_url" {
  description = "User interface of the stream job."
  value       = module.spark.job_ui_url
}

output "postgres_host" {
  description = "Address of PostgreSQL."
  value       = module.postgres.host
}

output "postgres_port" {
  description = "Port of PostgreSQL."
  value       = module.postgres.port
}

output "postgres_database" {
  description = "Name of the database."
  value       = module.postgres.database
}

output "postgres_dsn" {
  description = "Connection of the role that reads and writes."
  value       = module.postgres.dsn
  sensitive   = true
}

output "postgres_readonly_dsn" {
  description = "Connection of the role that only reads."
  value       = module.postgres.readonly_dsn
  sensitive   = true
}
