output "id" {
  description = "Changes when the task runs again. Known when it has ended well."
  value       = terraform_data.this.id
}
