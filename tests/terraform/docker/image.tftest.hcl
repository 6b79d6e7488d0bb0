# What an image is called for: it is built again when something that goes into it has changed, and at no other time.

mock_provider "docker" {}

variables {
  target = {
    prefix     = "music-test"
    network    = "music-test"
    labels     = { "music-platform.name" = "test" }
    checkout   = "../../.."
    base_image = "debian:bookworm-slim"
    host       = "127.0.0.1"
    digests    = { producer = "1", producer_packages = "2", kafka = "3" }
    data       = "test"
  }
  stage      = "producer"
  components = ["producer_packages", "producer"]
  scripts    = ["packages.sh", "producer.sh"]
}

run "an_image_is_named_for_its_content" {
  command = plan

  module {
    source = "../../../modules/image/docker"
  }

  assert {
    condition     = can(regex("^music-test/producer:[0-9a-f]{12}$", docker_image.this.name))
    error_message = "The image is called ${docker_image.this.name}."
  }
}

run "another_digest_of_its_own_component_is_another_image" {
  command = plan

  module {
    source = "../../../modules/image/docker"
  }

  variables {
    target = merge(var.target, { digests = { producer = "changed", producer_packages = "2", kafka = "3" } })
  }

  assert {
    condition     = docker_image.this.name != run.an_image_is_named_for_its_content.name
    error_message = "The image is still called ${docker_image.this.name}."
  }
}

run "another_digest_of_what_lies_below_is_another_image" {
  command = plan

  module {
    source = "../../../modules/image/docker"
  }

  variables {
    target = merge(var.target, { digests = { producer = "1", producer_packages = "changed", kafka = "3" } })
  }

  assert {
    condition     = docker_image.this.name != run.an_image_is_named_for_its_content.name
    error_message = "The image is still called ${docker_image.this.name}."
  }
}

run "another_digest_of_another_component_is_the_same_image" {
  command = plan

  module {
    source = "../../../modules/image/docker"
  }

  variables {
    target = merge(var.target, { digests = { producer = "1", producer_packages = "2", kafka = "changed" } })
  }

  assert {
    condition     = docker_image.this.name == run.an_image_is_named_for_its_content.name
    error_message = "The image is called ${docker_image.this.name} now."
  }
}

run "another_script_is_another_image" {
  command = plan

  module {
    source = "../../../modules/image/docker"
  }

  variables {
    scripts = ["packages.sh", "kafka.sh"]
  }

  assert {
    condition     = docker_image.this.name != run.an_image_is_named_for_its_content.name
    error_message = "The image is still called ${docker_image.this.name}."
  }
}

run "another_base_is_another_image_and_reaches_the_build" {
  command = plan

  module {
    source = "../../../modules/image/docker"
  }

  variables {
    target = merge(var.target, { base_image = "registry.example/debian:12" })
  }

  assert {
    condition     = docker_image.this.name != run.an_image_is_named_for_its_content.name
    error_message = "The image is still called ${docker_image.this.name}."
  }

  assert {
    condition     = one(docker_image.this.build).build_args == tomap({ BASE_IMAGE = "registry.example/debian:12" })
    error_message = "The build is not given the base."
  }

  assert {
    condition     = one(docker_image.this.build).target == "producer" && endswith(one(docker_image.this.build).dockerfile, "modules/image/docker/Dockerfile")
    error_message = "The build is of another stage."
  }
}
