# The root module of the docker environment: outputs, settings, and the sentences for wrong ones.

mock_provider "docker" {}

# It asks for built artifacts, which these tests do without.
override_module {
  target = module.engine
  outputs = {
    target = {
      prefix       = "music-test"
      network      = "music-test"
      labels       = { "music-platform.name" = "test" }
      checkout     = "../../.."
      base_image   = "debian:bookworm-slim"
      host         = "127.0.0.1"
      digests      = {}
      data         = "test"
      ca_file      = "/tmp/music-platform-test/ca.pem"
      certificates = { image = "music-test/certificates:test", authority = "music-test-authority", generation = 1 }
    }
  }
}

variables {
  name = "test"
}

run "the_images_are_built_on_debian_unless_another_base_is_named" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  assert {
    condition     = var.base_image == "debian:bookworm-slim" && var.published_on == "127.0.0.1"
    error_message = "The base is ${var.base_image}, ports are published on ${var.published_on}."
  }
}

run "a_port_offset_moves_every_published_port" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  variables {
    port_offset = 100
  }

  assert {
    condition     = output.kafka_bootstrap_servers == "127.0.0.1:9192"
    error_message = "Kafka is at ${output.kafka_bootstrap_servers}."
  }

  assert {
    condition     = output.schema_registry_url == "http://127.0.0.1:8181/apis/ccompat/v7"
    error_message = "The registry is at ${output.schema_registry_url}."
  }

  assert {
    condition     = output.spark_master_url == "spark://spark-master:7077" && output.spark_ui_url == "http://127.0.0.1:8180"
    error_message = "Spark is at ${output.spark_master_url} and ${output.spark_ui_url}."
  }

  assert {
    condition     = output.postgres_host == "127.0.0.1" && output.postgres_port == 5532
    error_message = "PostgreSQL is at ${output.postgres_host}:${output.postgres_port}."
  }

  assert {
    condition     = output.superset_url == "http://127.0.0.1:8188" && output.superset_admin_username == "admin"
    error_message = "Superset is at ${output.superset_url}."
  }
}

run "three_brokers_have_three_addresses" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  variables {
    kafka_broker_count = 3
  }

  assert {
    condition     = output.kafka_bootstrap_servers == "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094"
    error_message = "Kafka is at ${output.kafka_bootstrap_servers}."
  }
}

run "the_topics_are_those_of_the_contract_with_what_is_set_instead" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  variables {
    kafka_broker_count = 3
    kafka              = { topics = { "music.stream-events" = { partitions = 12 }, "music.stream-events.dlq" = { retention_ms = 3600000 } } }
  }

  assert {
    condition     = output.kafka_topics["music.stream-events"].partitions == 12 && output.kafka_topics["music.stream-events"].retention_ms == 604800000
    error_message = "The events: ${jsonencode(output.kafka_topics["music.stream-events"])}."
  }

  assert {
    condition     = output.kafka_topics["music.stream-events.dlq"].partitions == 3 && output.kafka_topics["music.stream-events.dlq"].retention_ms == 3600000
    error_message = "The dead letters: ${jsonencode(output.kafka_topics["music.stream-events.dlq"])}."
  }

  assert {
    condition     = output.kafka_topics["music.users"].partitions == 3 && output.kafka_topics["music.users"].cleanup_policy == "compact"
    error_message = "The users: ${jsonencode(output.kafka_topics["music.users"])}."
  }

  assert {
    condition     = output.kafka_broker_count == 3 && output.producer_rate == 200
    error_message = "${output.kafka_broker_count} broker(s), ${output.producer_rate} events/s."
  }
}

run "null_stands_for_the_default_of_a_setting" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  variables {
    port_offset        = null
    producer_rate      = null
    kafka              = null
    spark              = null
    kafka_broker_count = null
    spark_worker_cores = null
    base_image         = null
    published_on       = null
  }

  assert {
    condition     = output.kafka_bootstrap_servers == "127.0.0.1:9092" && output.postgres_database == "music"
    error_message = "Kafka is at ${output.kafka_bootstrap_servers}, the database is ${output.postgres_database}."
  }
}

run "superset_and_the_producer_may_be_left_out" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  variables {
    superset_enabled = false
    producer_rate    = 0
  }

  assert {
    condition     = length(module.superset) == 0 && length(module.producer) == 0 && output.superset_url == null
    error_message = "There is a Superset or a producer."
  }
}

run "wrong_settings_are_refused" {
  command = plan

  module {
    source = "../../../terraform/docker"
  }

  variables {
    name                = "Second Platform"
    home                = "relative/path"
    base_image          = "Debian Bookworm"
    published_on        = "localhost"
    port_offset         = 60000
    kafka_broker_count  = 2
    certificates        = 0.5
    spark_worker_count  = 0
    spark_worker_cores  = 0
    spark_worker_memory = "2 GB"
    producer_rate       = -1
    producer_users      = 0.5
    producer_songs      = 0
    producer_seed       = -1
  }

  expect_failures = [
    var.name,
    var.home,
    var.base_image,
    var.published_on,
    var.port_offset,
    var.kafka_broker_count,
    var.certificates,
    var.spark_worker_count,
    var.spark_worker_cores,
    var.spark_worker_memory,
    var.producer_rate,
    var.producer_users,
    var.producer_songs,
    var.producer_seed,
  ]
}
