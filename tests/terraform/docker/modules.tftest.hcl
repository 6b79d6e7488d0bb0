# The docker variants of the components: what their containers may do, and the sentences for wrong settings.

mock_provider "docker" {}

variables {
  target = {
    prefix         = "music-test"
    network        = "music-test"
    labels         = { "music-platform.name" = "test" }
    checkout       = "../../.."
    base_image     = "debian:bookworm-slim"
    host           = "127.0.0.1"
    digests        = {}
    data           = "test"
    ca_file        = "/tmp/music-platform-test/ca.pem"
    certificates   = { image = "music-test/certificates:test", authority = "music-test-authority", generation = 1 }
    contract_image = "music-test/contract:test"
  }
  kafka_bootstrap_servers = "kafka-1:9092"
  kafka_user              = { username = "stream", password = "secret" }
  schema_registry_url     = "http://schema-registry:8081/apis/ccompat/v7"
  postgres_dsn            = "postgresql://music_app:secret@postgres:5432/music"
}

run "missing_artifacts_are_named_before_anything_starts" {
  command = plan

  module {
    source = "../../../modules/engine/docker"
  }

  variables {
    name                = "test"
    home                = "/nowhere"
    checkout            = "/nowhere"
    artifacts_directory = "/nowhere"
    base_image          = "debian:bookworm-slim"
    host                = "127.0.0.1"
    keep_data           = true
    certificates        = 1
  }

  expect_failures = [docker_network.this]
}

run "a_container_has_no_rights_and_limits" {
  command = plan

  module {
    source = "../../../modules/service/docker"
  }

  variables {
    target      = merge(var.target, { host = "192.0.2.1" })
    name        = "kafka-1"
    image       = { id = "sha256:0" }
    script      = "kafka.sh"
    memory      = 1024
    cores       = 1.5
    environment = { MUSIC_KAFKA_HOST = "kafka-1", MUSIC_KAFKA_HEAP = null }
    secrets     = { MUSIC_KAFKA_PASSWORD = "secret" }
    ports       = [{ internal = 19092, external = 9092 }, { internal = 8080, external = 8080, local_only = true }]
  }

  assert {
    condition     = docker_container.this.read_only && docker_container.this.privileged != true
    error_message = "The container may write to its root, or is privileged."
  }

  assert {
    condition     = one(docker_container.this.capabilities).drop == toset(["ALL"]) && contains(docker_container.this.security_opts, "no-new-privileges")
    error_message = "The container has capabilities, or can get some."
  }

  assert {
    condition     = docker_container.this.memory == 1024 && docker_container.this.memory_swap == 1024 && docker_container.this.log_opts["max-size"] == "50m"
    error_message = "The container has no limit of memory or of its log."
  }

  assert {
    condition     = docker_container.this.cpu_quota == 150000 && docker_container.this.cpu_period == 100000
    error_message = "The container has no limit of processor time, or another one."
  }

  assert {
    condition     = output.container.published == { "19092" = "192.0.2.1:9092", "8080" = "127.0.0.1:8080" }
    error_message = "The ports are published on ${jsonencode(output.container.published)}."
  }

  assert {
    condition     = docker_container.this.restart == "unless-stopped" && docker_container.this.wait
    error_message = "The engine does not start it again, or Terraform does not wait for its health."
  }

  assert {
    condition     = local.environment["MUSIC_KAFKA_HOST"] == "kafka-1" && !contains(keys(local.environment), "MUSIC_KAFKA_HEAP")
    error_message = "A setting is missing, or one that is null is given."
  }

  assert {
    condition     = alltrue([for volume in docker_container.this.volumes : volume.host_path == null || volume.host_path == ""])
    error_message = "Something of this machine is mounted."
  }
}

run "a_name_that_cannot_stand_in_a_network_is_refused" {
  command = plan

  module {
    source = "../../../modules/service/docker"
  }

  variables {
    name        = "kafka_1"
    image       = { id = "sha256:0" }
    script      = "kafka.sh"
    memory      = 1024
    cores       = 1.5
    environment = {}
  }

  expect_failures = [var.name]
}

run "three_brokers_have_one_address_for_the_applications" {
  command = plan

  module {
    source = "../../../modules/kafka/docker"
  }

  variables {
    port     = 9092
    settings = { broker_count = 3, heap = "1g" }
  }

  assert {
    condition     = output.internal_bootstrap_servers == "kafka:9092" && length(module.broker) == 3
    error_message = "There are ${length(module.broker)} brokers, at ${output.internal_bootstrap_servers}."
  }
}

run "kafka_refuses_two_brokers_and_a_heap_without_a_unit_and_a_privileged_port" {
  command = plan

  module {
    source = "../../../modules/kafka/docker"
  }

  variables {
    port     = 92
    settings = { broker_count = 2, heap = "512" }
  }

  expect_failures = [var.port, var.settings]
}

run "kafka_refuses_half_a_partition" {
  command = plan

  module {
    source = "../../../modules/kafka/docker"
  }

  variables {
    port     = 9092
    settings = { topics = { "music.users" = { partitions = 1.5 } } }
  }

  expect_failures = [var.settings]
}

run "kafka_refuses_a_retention_of_nothing" {
  command = plan

  module {
    source = "../../../modules/kafka/docker"
  }

  variables {
    port     = 9092
    settings = { topics = { "music.stream-events" = { retention_ms = 0 } } }
  }

  expect_failures = [var.settings]
}

run "kafka_refuses_half_a_millisecond_of_retention" {
  command = plan

  module {
    source = "../../../modules/kafka/docker"
  }

  variables {
    port     = 9092
    settings = { topics = { "music.stream-events" = { retention_ms = 0.5 } } }
  }

  expect_failures = [var.settings]
}

run "postgres_refuses_the_registrys_database" {
  command = plan

  module {
    source = "../../../modules/postgres/docker"
  }

  variables {
    port     = 5432
    settings = { database = "registry" }
  }

  expect_failures = [var.settings]
}

run "the_registry_refuses_a_heap_without_a_unit" {
  command = plan

  module {
    source = "../../../modules/schema_registry/docker"
  }

  variables {
    port     = 8081
    storage  = { url = "jdbc:postgresql://postgres:5432/registry", user = "registry", password = "secret" }
    settings = { heap = "256" }
  }

  expect_failures = [var.settings]
}

run "spark_has_as_many_workers_as_asked_for" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { worker_count = 2 }
  }

  assert {
    condition     = toset(keys(module.worker)) == toset(["spark-worker-1", "spark-worker-2"])
    error_message = "The workers are ${join(", ", keys(module.worker))}."
  }
}

run "an_executor_has_half_of_its_workers_memory" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { worker_memory = "4g" }
  }

  assert {
    condition     = local.executor_memory == "2048m" && module.worker["spark-worker-1"].container.memory == 4096 + 256 + 1536
    error_message = "The executor has ${local.executor_memory}."
  }
}

run "an_executor_may_have_another_share_of_its_workers_memory" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
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
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { worker_memory = "512m" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_an_executor_that_fits_into_no_worker" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { executor_memory = "3g" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_no_workers_and_memory_without_a_unit" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { worker_count = 0, worker_memory = "2 GB" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_that_does_not_divide_a_day" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { windows = { content = "7 minutes" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_below_a_second" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { windows = { device = "500 milliseconds" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_of_no_length" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { windows = { hourly = "0 hours" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_window_that_is_no_time" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { windows = { user = "hourly" } }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_trigger_interval_that_is_no_time" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { trigger_interval = "soon" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_a_watermark_delay_without_a_unit" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { watermark_delay = "10" }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_half_a_core" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { worker_cores = 1.5 }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_batches_of_no_record" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { max_offsets_per_batch = 0 }
  }

  expect_failures = [var.settings]
}

run "spark_refuses_batches_of_half_a_record" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
    settings       = { max_offsets_per_batch = 0.5 }
  }

  expect_failures = [var.settings]
}

run "spark_takes_every_time_that_its_job_takes" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
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

run "superset_refuses_half_a_worker" {
  command = plan

  module {
    source = "../../../modules/superset/docker"
  }

  variables {
    port          = 8088
    storage       = { url = "postgresql://postgres:5432/superset", user = "superset", password = "secret" }
    analytics_dsn = "postgresql://music_dashboards:secret@postgres:5432/music"
    settings      = { workers = 0.5 }
  }

  expect_failures = [var.settings]
}

run "the_producer_refuses_a_rate_of_zero" {
  command = plan

  module {
    source = "../../../modules/producer/docker"
  }

  variables {
    settings = { rate = 0 }
  }

  expect_failures = [var.settings]
}

run "a_setting_that_would_break_the_settings_of_a_task_is_refused" {
  command = plan

  module {
    source = "../../../modules/task/docker"
  }

  variables {
    image       = "music-test/contract:test"
    script      = "kafka.sh"
    verb        = "topics"
    service     = "kafka-1"
    environment = { MUSIC_TOPIC_OVERRIDES = "a\nb" }
  }

  expect_failures = [var.environment]
}
