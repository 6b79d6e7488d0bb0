output "name" {
  description = "Name of the image, with a tag that stands for its content. Known when it is built."
  value       = docker_image.this.name
}

output "id" {
  description = "The image's id in the engine."
  value       = docker_image.this.image_id
}
