# Each component as it comes: what its containers are called, what they get, and where they can be reached. The address is
# one of those for documentation: what is published on 127.0.0.1 nevertheless is for this machine alone.

mock_provider "docker" {}

variables {
  target = {
    prefix         = "music-test"
    network        = "music-test"
    labels         = { "music-platform.name" = "test" }
    checkout       = "../../.."
    base_image     = "debian:bookworm-slim"
    host           = "192.0.2.1"
    digests        = {}
    data           = "test"
    ca_file        = "/tmp/music-platform-test/ca.pem"
    certificates   = { image = "music-test/certificates:test", authority = "music-test-authority", generation = 1 }
    contract_image = "music-test/contract:test"
  }
  kafka_bootstrap_servers = "kafka:9092"
  kafka_user              = { username = "stream", password = "secret" }
  schema_registry_url     = "http://schema-registry:8081/apis/ccompat/v7"
  postgres_dsn            = "postgresql://music_app:secret@postgres:5432/music"
}

run "the_engine_hands_on_the_base_and_the_digests_of_the_artifacts" {
  command = plan

  module {
    source = "../../../modules/engine/docker"
  }

  variables {
    name                = "test"
    home                = "/tmp/music-platform-test"
    checkout            = "../../.."
    artifacts_directory = "../artifacts"
    base_image          = "registry.example/debian:12"
    host                = "192.0.2.1"
    keep_data           = true
    certificates        = 2
  }

  assert {
    condition     = output.target.prefix == "music-test" && output.target.network == "music-test" && output.target.host == "192.0.2.1"
    error_message = "The target is ${jsonencode(output.target)}."
  }

  assert {
    condition     = output.target.base_image == "registry.example/debian:12" && output.target.digests["kafka"] == local.digests["kafka"] && length(local.digests) > 0
    error_message = "The base is ${output.target.base_image}."
  }

  assert {
    condition     = output.target.labels == { "music-platform.name" = "test", "music-platform.home" = "/tmp/music-platform-test" }
    error_message = "The labels are ${jsonencode(output.target.labels)}."
  }

  assert {
    condition     = terraform_data.authority.input.ca_file == "/tmp/music-platform-test/docker/test/ca.pem" && output.target.certificates.generation == 2
    error_message = "The authority's certificate lies elsewhere, or the number of the certificates is another one."
  }
}

run "the_contract_adds_its_image_to_the_target" {
  command = plan

  module {
    source = "../../../modules/contract/docker"
  }

  assert {
    condition     = can(regex("^music-test/contract:[0-9a-f]{12}$", output.target.contract_image)) && output.target.network == "music-test"
    error_message = "The image is ${output.target.contract_image}."
  }
}

run "brokers_are_numbered_and_each_has_a_published_port" {
  command = plan

  module {
    source = "../../../modules/kafka/docker"
  }

  variables {
    port     = 9092
    settings = { broker_count = 3 }
  }

  assert {
    condition     = output.bootstrap_servers == "192.0.2.1:9092,192.0.2.1:9093,192.0.2.1:9094"
    error_message = "Clients connect to ${output.bootstrap_servers}."
  }

  assert {
    condition = module.broker["kafka-3"].container == {
      name      = "music-test-kafka-3"
      labels    = { "music-platform.name" = "test", "music-platform.service" = "kafka_3" }
      memory    = 1024
      published = { "19092" = "192.0.2.1:9094" }
    }
    error_message = "The third broker is ${jsonencode(module.broker["kafka-3"].container)}."
  }

  assert {
    condition     = toset(keys(local.passwords)) == toset(["producer", "stream", "operator"])
    error_message = "There are other users: ${join(", ", keys(local.passwords))}."
  }
}

run "postgres_is_published_and_its_clients_verify_it" {
  command = plan

  module {
    source = "../../../modules/postgres/docker"
  }

  variables {
    port = 5432
  }

  assert {
    condition = module.service.container == {
      name      = "music-test-postgres"
      labels    = { "music-platform.name" = "test", "music-platform.service" = "postgres" }
      memory    = 2048
      published = { "5432" = "192.0.2.1:5432" }
    }
    error_message = "The container is ${jsonencode(module.service.container)}."
  }

  assert {
    condition     = output.host == "192.0.2.1" && output.port == 5432 && output.database == "music"
    error_message = "The database is ${output.host}:${output.port}/${output.database}."
  }

  # The whole addresses are not known before the passwords are.
  assert {
    condition     = local.verified == "sslmode=verify-full&sslrootcert=/tmp/music-platform-test/ca.pem"
    error_message = "Clients of this machine connect with ${local.verified}."
  }

  assert {
    condition     = local.registry.url == "jdbc:postgresql://postgres:5432/registry?sslmode=verify-full&sslrootcert=/etc/music-platform/tls/ca.pem"
    error_message = "The registry connects to ${nonsensitive(local.registry.url)}."
  }

  assert {
    condition     = toset(keys(local.passwords)) == toset(["owner", "application", "readonly", "dashboards", "registry", "superset"])
    error_message = "There are other roles: ${join(", ", keys(local.passwords))}."
  }
}

run "the_registry_is_for_this_machine_alone" {
  command = plan

  module {
    source = "../../../modules/schema_registry/docker"
  }

  variables {
    port    = 8081
    storage = { url = "jdbc:postgresql://postgres:5432/registry", user = "registry", password = "secret" }
  }

  assert {
    condition = module.service.container == {
      name      = "music-test-schema-registry"
      labels    = { "music-platform.name" = "test", "music-platform.service" = "schema_registry" }
      memory    = 640
      published = { "8081" = "127.0.0.1:8081" }
    }
    error_message = "The container is ${jsonencode(module.service.container)}."
  }

  assert {
    condition     = output.url == "http://127.0.0.1:8081/apis/ccompat/v7" && output.internal_url == "http://schema-registry:8081/apis/ccompat/v7"
    error_message = "The registry is at ${output.url} and ${output.internal_url}."
  }
}

run "the_pages_of_spark_are_for_this_machine_alone" {
  command = plan

  module {
    source = "../../../modules/spark/docker"
  }

  variables {
    master_ui_port = 8080
    ui_port        = 4040
  }

  assert {
    condition     = module.master.container.published == { "8080" = "127.0.0.1:8080" } && module.job.container.published == { "4040" = "127.0.0.1:4040" }
    error_message = "The pages are published on ${jsonencode([module.master.container.published, module.job.container.published])}."
  }

  assert {
    condition     = output.ui_url == "http://127.0.0.1:8080" && output.job_ui_url == "http://127.0.0.1:4040" && output.master_url == "spark://spark-master:7077"
    error_message = "The pages are ${output.ui_url} and ${output.job_ui_url}."
  }

  assert {
    condition = module.worker["spark-worker-1"].container == {
      name      = "music-test-spark-worker-1"
      labels    = { "music-platform.name" = "test", "music-platform.service" = "spark_worker_1" }
      memory    = 3840
      published = {}
    }
    error_message = "The worker is ${jsonencode(module.worker["spark-worker-1"].container)}."
  }

  assert {
    condition     = module.master.container.memory == 512 && module.job.container.memory == 2560
    error_message = "The master has ${module.master.container.memory} MB, the job ${module.job.container.memory}."
  }

  assert {
    condition     = local.executor_memory == "1024m"
    error_message = "An executor of a worker as it comes has ${local.executor_memory}."
  }
}

run "superset_is_published_with_three_users" {
  command = plan

  module {
    source = "../../../modules/superset/docker"
  }

  variables {
    port          = 8088
    storage       = { url = "postgresql://postgres:5432/superset", user = "superset", password = "secret" }
    analytics_dsn = "postgresql://music_dashboards:secret@postgres:5432/music"
  }

  assert {
    condition = module.service.container == {
      name      = "music-test-superset"
      labels    = { "music-platform.name" = "test", "music-platform.service" = "superset" }
      memory    = 1792
      published = { "8088" = "192.0.2.1:8088" }
    }
    error_message = "The container is ${jsonencode(module.service.container)}."
  }

  assert {
    condition     = output.url == "http://192.0.2.1:8088" && output.usernames == { admin = "admin", analyst = "analyst", viewer = "viewer" }
    error_message = "Superset is at ${output.url}, for ${jsonencode(output.usernames)}."
  }
}

run "the_producer_publishes_nothing_and_says_its_rate" {
  command = plan

  module {
    source = "../../../modules/producer/docker"
  }

  variables {
    settings = { rate = 500 }
  }

  assert {
    condition = module.service.container == {
      name      = "music-test-producer"
      labels    = { "music-platform.name" = "test", "music-platform.service" = "producer" }
      memory    = 1024
      published = {}
    }
    error_message = "The container is ${jsonencode(module.service.container)}."
  }

  assert {
    condition     = output.rate == 500
    error_message = "The rate is ${output.rate}."
  }
}

run "a_task_runs_again_for_another_image_verb_or_setting" {
  command = plan

  module {
    source = "../../../modules/task/docker"
  }

  variables {
    image       = "music-test/contract:test"
    script      = "kafka.sh"
    verb        = "topics"
    service     = "kafka-1"
    triggers    = { replication = "1" }
    environment = { MUSIC_TOPIC_OVERRIDES = "music.users.partitions=6", MUSIC_UNSET = null }
  }

  assert {
    condition = terraform_data.this.triggers_replace == {
      replication = "1"
      image       = "music-test/contract:test"
      settings    = sha256(jsonencode({ MUSIC_TOPIC_OVERRIDES = "music.users.partitions=6" }))
      verb        = "topics"
    }
    error_message = "It runs again for ${jsonencode(terraform_data.this.triggers_replace)}."
  }
}
