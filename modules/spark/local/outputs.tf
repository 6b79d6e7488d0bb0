output "master_url" {
  description = "Where jobs are submitted."
  value       = local.master_url
  depends_on  = [module.worker]
}

output "ui_url" {
  description = "The master's user interface. Known when the stream job runs."
  value       = "http://${var.target.host}:${var.master_ui_port}"
  depends_on  = [module.job]
}

output "job_ui_url" {
  description = "The stream job's user interface: its batches, their times, its state."
  value       = "http://${var.target.host}:${var.ui_port}"
  depends_on  = [module.job]
}
