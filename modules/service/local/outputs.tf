output "id" {
  description = "Changes when the service is made anew (not when it is restarted with other settings)."
  value       = terraform_data.lifecycle.id
}

output "program" {
  description = "The script that runs a verb of the provisioning script with the service's settings: task VERB."
  value       = local.program
}

output "call" {
  description = "What that script needs in its environment. Known when the service is healthy."
  value       = local.call
  depends_on  = [terraform_data.deploy]
}
