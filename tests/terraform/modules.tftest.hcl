# The components' modules: each refuses a wrong setting with its own sentence.

variables {
  target = {
    instance_directory  = "/tmp/music-platform-test/instances/test"
    opt_directory       = "/tmp/music-platform-test/opt"
    artifacts_directory = "/tmp/music-platform-test/artifacts"
    provision_directory = "../../scripts/provision"
    contract_directory  = "/tmp/music-platform-test/opt/contract"
    host                = "127.0.0.1"
    run_as              = "nobody"
    supervisor          = "test"
    digests             = {}
  }
  kafka_bootstrap_servers = "127.0.0.1:9092"
  schema_registry_url     = "http://127.0.0.1:8081/apis/ccompat/v7"
  postgres_dsn            = "postgresql://music_app:secret@127.0.0.1:5432/music"
}

run "kafka_refuses_a_heap_without_a_unit_and_a_privileged_port" {
  command = plan

  module {
    source = "../../modules/kafka/local"
  }

  variables {
    port            = 92
    controller_port = 9093
    settings        = { heap = "512" }
  }

  expect_failures = [var.port, var.settings]
}

run "kafka_refuses_a_topic_without_partitions" {
  command = plan

  module {
    source = "../../modules/kafka/local"
  }

  variables {
    port            = 9092
    controller_port = 9093
    settings        = { topics = { "music.users" = { partitions = 0 } } }
  }

  expect_failures = [var.settings]
}

run "kafka_passes_changed_topics_to_the_contract" {
  command = plan

  module {
    source = "../../modules/kafka/local"
  }

  variables {
    port            = 9092
    controller_port = 9093
    settings        = { topics = { "music.users" = { partitions = 6 }, "music.stream-events" = { retention_ms = 3600000 } } }
  }

  assert {
    condition     = terraform_data.topics.triggers_replace.overrides == "music.stream-events.retention_ms=3600000 music.users.partitions=6"
    error_message = "The overrides are: ${terraform_data.topics.triggers_replace.overrides}."
  }
}

run "kafka_refuses_half_a_partition" {
  command = plan

  module {
    source = "../../modules/kafka/local"
  }

  variables {
    port            = 9092
    controller_port = 9093
    settings        = { topics = { "music.users" = { partitions = 1.5 } } }
  }

  expect_failures = [var.settings]
}

run "kafka_refuses_a_retention_of_nothing" {
  command = plan

  module {
    source = "../../modules/kafka/local"
  }

  variables {
    port            = 9092
    controller_port = 9093
    settings        = { topics = { "music.stream-events" = { retention_ms = 0 } } }
  }

  expect_failures = [var.settings]
}

run "kafka_refuses_half_a_millisecond_of_retention" {
  command = plan

  module {
    source = "../../modules/kafka/local"
  }

  variables {
    port            = 9092
    controller_port = 9093
    settings        = { topics = { "music.stream-events" = { retention_ms = 0.5 } } }
  }

  expect_failures = [var.settings]
}

run "postgres_refuses_the_registrys_database" {
  command = plan

  module {
    source = "../../modules/postgres/local"
  }

  variables {
    port     = 5432
    settings = { database = "registry" }
  }

  expect_failures = [var.settings]
}

run "superset_refuses_half_a_worker" {
  command = plan

  module {
    source = "../../modules/superset/local"
  }

  variables {
    port          = 8088
    storage       = { url = "postgresql://127.0.0.1:5432/superset", user = "superset", password = "secret" }
    analytics_dsn = "postgresql://music_dashboards:secret@127.0.0.1:5432/music"
    settings      = { workers = 0.5 }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_memory_without_a_unit" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { worker_memory = "2 GB" }
  }

  expect_failures = [var.settings]
}

run "an_executor_has_half_of_its_workers_memory" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { worker_memory = "4g" }
  }

  assert {
    condition     = local.executor_memory == "2048m"
    error_message = "The executor has ${local.executor_memory}."
  }
}

run "an_executor_of_a_worker_as_it_comes_has_a_gigabyte" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = {}
  }

  assert {
    condition     = local.executor_memory == "1024m"
    error_message = "The executor has ${local.executor_memory}."
  }
}

run "an_executor_may_have_another_share_of_its_workers_memory" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { worker_memory = "4g", executor_memory = "3g" }
  }

  assert {
    condition     = local.executor_memory == "3g"
    error_message = "The executor has ${local.executor_memory}."
  }
}

run "spark_refuses_a_worker_in_which_no_executor_starts" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { worker_memory = "512m" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_an_executor_that_fits_into_no_worker" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { executor_memory = "3g" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_of_no_metric_family" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { windows = { song = "5 minutes" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_that_does_not_divide_a_day" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { windows = { content = "7 minutes" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_below_a_second" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { windows = { device = "500 milliseconds" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_of_no_length" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { windows = { hourly = "0 hours" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_that_is_no_time" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { windows = { user = "hourly" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_trigger_interval_that_is_no_time" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { trigger_interval = "soon" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_watermark_delay_without_a_unit" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { watermark_delay = "10" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_half_a_core" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { worker_cores = 1.5 }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_batches_of_no_record" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { max_offsets_per_batch = 0 }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_batches_of_half_a_record" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings       = { max_offsets_per_batch = 0.5 }
  }

  expect_failures = [var.settings]
}

run "spark_takes_every_time_that_its_job_takes" {
  command = plan

  module {
    source = "../../modules/spark/local"
  }

  variables {
    master_port    = 7077
    master_ui_port = 8080
    worker_port    = 7078
    worker_ui_port = 8082
    ui_port        = 4040
    settings = {
      trigger_interval      = "0 seconds"
      watermark_delay       = "1 day"
      max_offsets_per_batch = 1
      windows               = { content = "60000 milliseconds", device = "1 second", location = "90 seconds", user = "1 day", hourly = null }
    }
  }

  assert {
    condition     = local.windows["MUSIC_WINDOW_LOCATION"] == "90 seconds"
    error_message = "The windows are ${jsonencode(local.windows)}."
  }
}

run "the_producer_refuses_a_rate_of_zero" {
  command = plan

  module {
    source = "../../modules/producer/local"
  }

  variables {
    settings = { rate = 0 }
  }

  expect_failures = [var.settings]
}

run "a_setting_that_would_break_the_settings_file_is_refused" {
  command = plan

  module {
    source = "../../modules/service/local"
  }

  variables {
    name        = "kafka"
    script      = "kafka.sh"
    component   = "kafka"
    data_name   = "kafka"
    environment = { MUSIC_KAFKA_HOST = "it's" }
  }

  expect_failures = [var.environment]
}
