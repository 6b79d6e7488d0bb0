output "master_url" {
  description = "Where jobs are submitted, from inside the platform's network."
  value       = local.master_url
  depends_on  = [module.worker]
}

output "ui_url" {
  description = "The master's user interface. Known when the stream job runs."
  value       = "http://127.0.0.1:${var.master_ui_port}"
  depends_on  = [module.job, module.worker]
}

output "job_ui_url" {
  description = "The stream job's user interface: its batches, their times, its state."
  value       = "http://127.0.0.1:${var.ui_port}"
  depends_on  = [module.job]
}
