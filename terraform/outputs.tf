output "url" {
  description = "URL to which NSPS must send events, by connector."
  value       = { for name, connector in module.connector : name => connector.url }
}

output "nsps_handler" {
  description = "Values to enter in NSPS for the handler of each connector."
  value       = { for name, connector in module.connector : name => connector.nsps_handler }
}

output "secrets" {
  description = "Commands that add the values of the secrets, by connector and secret."
  value       = { for name, connector in module.connector : name => connector.secrets }
}

output "invoke_command" {
  description = "Commands that send a test event, which changes nothing, by connector."
  value       = { for name, connector in module.connector : name => connector.invoke_command }
}

output "smoke_test" {
  description = "Data for the test after a deployment (smoke.py), by connector."
  value       = { for name, connector in module.connector : name => connector.smoke_test }
}

output "pubsub" {
  description = "Topics and subscriptions of the connectors in the buffered shape."
  value       = { for name, connector in module.connector : name => connector.pubsub if connector.pubsub != null }
}

output "egress_address" {
  description = "Address that the firewalls of the external systems must admit; null without `egress`."
  value       = one(google_compute_address.egress[*].address)
}

output "edge_dns" {
  description = "Records to add to your DNS, by host: the address of the load balancer. Empty without `edge`."
  value       = { for host in values(local.hosts) : host => google_compute_global_address.edge[0].address }
}
