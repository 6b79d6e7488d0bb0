output "rate" {
  description = "Events a second. Known when it has begun to send."
  value       = var.settings.rate
  depends_on  = [module.service]
}
