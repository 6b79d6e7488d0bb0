output "id" {
  description = "Changes when the container is made anew. Known when it is healthy."
  value       = docker_container.this.id
}

output "name" {
  description = "Name of the service in the network."
  value       = var.name
  depends_on  = [docker_container.this]
}
