output "id" {
  description = "Changes when the container is made anew. Known when it is healthy."
  value       = docker_container.this.id
}

output "name" {
  description = "Name of the service in the network."
  value       = var.name
  depends_on  = [docker_container.this]
}

output "container" {
  description = "What the engine is asked for: the container's name, its labels, its megabytes, and the addresses that its ports are published on, by what they are in it."
  value = {
    name      = docker_container.this.name
    labels    = { for label in docker_container.this.labels : label.label => label.value }
    memory    = docker_container.this.memory
    published = { for port in docker_container.this.ports : port.internal => "${port.ip}:${port.external}" }
  }
}
