output "url" {
  description = "Where NSPS must send events, by connector."
  value       = { for name, connector in module.connector : name => connector.url }
}

output "nsps_handler" {
  description = "What to enter in NSPS for each connector's handler."
  value       = { for name, connector in module.connector : name => connector.nsps_handler }
}

output "secrets" {
  description = "The commands that add the secrets' values, by connector and secret."
  value       = { for name, connector in module.connector : name => connector.secrets }
}

output "invoke_command" {
  description = "Sends a test event that changes nothing, by connector."
  value       = { for name, connector in module.connector : name => connector.invoke_command }
}

output "smoke_test" {
  description = "What the test after a deployment needs, by connector (smoke.py)."
  value       = { for name, connector in module.connector : name => connector.smoke_test }
}

output "pubsub" {
  description = "Topics and subscriptions of the connectors in the buffered shape."
  value       = { for name, connector in module.connector : name => connector.pubsub if connector.pubsub != null }
}

output "egress_address" {
  description = "The address to have admitted by the external systems' firewalls; null without `egress`."
  value       = one(google_compute_address.egress[*].address)
}
