# The root module of the local environment: outputs, settings, and the sentences for wrong ones.

variables {
  name                = "test"
  home                = "/tmp/music-platform-test"
  artifacts_directory = "../../tests/terraform/artifacts"
}

run "a_port_offset_moves_every_port" {
  command = plan

  module {
    source = "../../terraform/local"
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
    condition     = output.spark_master_url == "spark://127.0.0.1:7177" && output.spark_ui_url == "http://127.0.0.1:8180"
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

run "the_topics_are_those_of_the_contract_with_what_is_set_instead" {
  command = plan

  module {
    source = "../../terraform/local"
  }

  variables {
    kafka = { topics = { "music.stream-events" = { partitions = 12 }, "music.stream-events.dlq" = { retention_ms = 3600000 } } }
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
    condition     = output.kafka_broker_count == 1 && output.producer_rate == 200
    error_message = "${output.kafka_broker_count} broker(s), ${output.producer_rate} events/s."
  }
}

run "null_stands_for_the_default_of_a_setting" {
  command = plan

  module {
    source = "../../terraform/local"
  }

  variables {
    port_offset    = null
    producer_rate  = null
    producer_users = null
    kafka          = null
    spark          = null
  }

  assert {
    condition     = output.kafka_bootstrap_servers == "127.0.0.1:9092"
    error_message = "Kafka is at ${output.kafka_bootstrap_servers}."
  }

  assert {
    condition     = output.postgres_database == "music"
    error_message = "The database is ${output.postgres_database}."
  }
}

run "a_rate_of_zero_runs_no_producer" {
  command = plan

  module {
    source = "../../terraform/local"
  }

  variables {
    producer_rate = 0
  }

  assert {
    condition     = length(module.producer) == 0
    error_message = "There is a producer."
  }
}

run "superset_may_be_left_out" {
  command = plan

  module {
    source = "../../terraform/local"
  }

  variables {
    superset_enabled = false
  }

  assert {
    condition     = length(module.superset) == 0 && output.superset_url == null && output.superset_viewer_username == null
    error_message = "There is a Superset."
  }
}

run "missing_artifacts_are_named_before_anything_starts" {
  command = plan

  module {
    source = "../../modules/supervisor/local"
  }

  variables {
    artifacts_directory = "/nowhere"
    provision_directory = "/nowhere"
    host                = "127.0.0.1"
    run_as              = "nobody"
    keep_data           = true
  }

  expect_failures = [terraform_data.this]
}

run "a_home_is_as_deep_as_the_path_of_its_socket_may_be_long" {
  command = plan

  module {
    source = "../../modules/supervisor/local"
  }

  variables {
    name                = "default"
    home                = "/a-home-just-short-enough-for-the-socket-below-it-a-home-just"
    provision_directory = "/nowhere"
    host                = "127.0.0.1"
    run_as              = "nobody"
    keep_data           = true
  }

  assert {
    condition     = length("${output.target.instance_directory}/run/supervisor.sock") == 99
    error_message = "The socket would be below ${output.target.instance_directory}."
  }
}

run "a_home_a_character_too_deep_for_a_socket_is_refused" {
  command = plan

  module {
    source = "../../modules/supervisor/local"
  }

  variables {
    name                = "default"
    home                = "/a-home-just-short-enough-for-the-socket-below-it-a-home-justs"
    provision_directory = "/nowhere"
    host                = "127.0.0.1"
    run_as              = "nobody"
    keep_data           = true
  }

  expect_failures = [var.home]
}

run "a_name_counts_for_the_path_of_the_socket" {
  command = plan

  module {
    source = "../../modules/supervisor/local"
  }

  variables {
    name                = "defaults"
    home                = "/a-home-just-short-enough-for-the-socket-below-it-a-home-just"
    provision_directory = "/nowhere"
    host                = "127.0.0.1"
    run_as              = "nobody"
    keep_data           = true
  }

  expect_failures = [var.home]
}

run "a_home_with_a_space_is_refused" {
  command = plan

  module {
    source = "../../modules/supervisor/local"
  }

  variables {
    home                = "/home/ada lovelace"
    provision_directory = "/nowhere"
    host                = "127.0.0.1"
    run_as              = "nobody"
    keep_data           = true
  }

  expect_failures = [var.home]
}

run "wrong_settings_are_refused" {
  command = plan

  module {
    source = "../../terraform/local"
  }

  variables {
    name           = "Second Platform"
    home           = "relative/path"
    port_offset    = 60000
    run_as         = "root"
    producer_rate  = -1
    producer_users = 0.5
    producer_songs = 0
    producer_seed  = -1
  }

  expect_failures = [
    var.name,
    var.home,
    var.port_offset,
    var.run_as,
    var.producer_rate,
    var.producer_users,
    var.producer_songs,
    var.producer_seed,
  ]
}
