# What every environment gives: whatever a script, a test or a person needs of a platform that runs.

output "kafka_bootstrap_servers" {
  description = "Where Kafka's clients connect."
  value       = module.kafka.bootstrap_servers
}

output "kafka_client" {
  description = "What a client of Kafka needs to connect, by librdkafka's names."
  value       = local.kafka_client
  sensitive   = true
}

output "kafka_broker_count" {
  description = "Number of Kafka's brokers, by which the durability of the topics is chosen."
  value       = module.kafka.broker_count
}

output "kafka_topics" {
  description = "Every topic as it is deployed: what the contract says of it, with what var.kafka says instead."
  value = {
    for name, topic in jsondecode(file("${local.checkout}/app/contract/src/music_contract/topics.json")) :
    name => merge(topic, {
      for setting, value in try(var.kafka.topics[name], {}) : setting => value if value != null
    })
  }
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

output "postgres_dashboards_dsn" {
  description = "Connection of the role that sees the schema analytics and nothing else."
  value       = module.postgres.dashboards_dsn
  sensitive   = true
}

output "producer_rate" {
  description = "Events a second of the producer as the mean of a week; 0 where none runs."
  value       = var.producer_rate
}

# What Superset has is null where it does not run.

output "superset_url" {
  description = "Address of Superset."
  value       = one(module.superset[*].url)
}

output "superset_analytics_dsn" {
  description = "Connection of the dashboards' role as Superset itself reaches PostgreSQL, which may be inside a network."
  value       = var.superset_enabled ? module.postgres.internal_dashboards_dsn : null
  sensitive   = true
}

output "superset_admin_username" {
  description = "Name of Superset's administrator."
  value       = one(module.superset[*].usernames["admin"])
}

output "superset_admin_password" {
  description = "Password of that user."
  value       = one(module.superset[*].passwords["admin"])
  sensitive   = true
}

output "superset_analyst_username" {
  description = "Name of Superset's analyst, who also has SQL Lab."
  value       = one(module.superset[*].usernames["analyst"])
}

output "superset_analyst_password" {
  description = "Password of that user."
  value       = one(module.superset[*].passwords["analyst"])
  sensitive   = true
}

output "superset_viewer_username" {
  description = "Name of Superset's viewer, who only looks."
  value       = one(module.superset[*].usernames["viewer"])
}

output "superset_viewer_password" {
  description = "Password of that user."
  value       = one(module.superset[*].passwords["viewer"])
  sensitive   = true
}
