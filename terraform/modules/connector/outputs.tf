locals {
  public_uri   = coalesce(var.function.public_url, local.uri)
  url          = "${local.public_uri}/process-event"
  token_secret = "${local.secret_prefix}API_TOKEN"
  read_token   = "gcloud secrets versions access latest --project=${var.project.id} --secret=${local.token_secret}"
  # No mapping has a rule for this type, so every connector answers 202 and changes nothing.
  test_event = jsonencode({
    event_id = "00000000-0000-4000-8000-000000000000"
    data     = { event_type = "Connector/SmokeTest", variables = {} }
  })
}

output "url" {
  description = "URL to which NSPS must send events."
  value       = local.url
}

output "health_url" {
  description = "URL that answers 200 while the function serves; it needs no token."
  value       = "${local.public_uri}/health"
}

output "nsps_handler" {
  description = "Values to enter in NSPS for the handler: URL, event types, required data, and the command that shows the token."
  value = {
    url           = local.url
    event_types   = local.event_types
    required_data = local.required_data
    token         = local.read_token
  }
}

output "secrets" {
  description = "For each secret that needs a value from an operator: the command that adds a version. It reads the value from standard input."
  value = {
    for name in setsubtract(local.secret_names, ["HASH_KEY"]) :
    name => "gcloud secrets versions add ${local.secret_prefix}${name} --project=${var.project.id} --data-file=-"
  }
}

output "invoke_command" {
  description = "Command that sends an event that no mapping handles. The answer is 202, and nothing changes."
  value = join(" ", [
    "curl --silent --show-error --request POST '${local.url}'",
    "--header \"Authorization: Bearer $(${local.read_token})\"",
    "--header 'Content-Type: application/json'",
    "--data '${local.test_event}'",
  ])
}

output "smoke_test" {
  description = "Data for the test after a deployment: the URLs, the version of the secret that contains the token, the hash of the source that must serve (null while traffic is held), and, if events are published, the filter of the record that shows a delivery."
  value = {
    url        = local.url
    health_url = "${local.public_uri}/health"
    token      = "projects/${var.project.id}/secrets/${local.token_secret}/versions/latest"
    source     = var.function.hold_traffic ? null : var.source_code.hash
    delivery   = local.publishes ? { project = var.project.id, filter = local.settled_filter } : null
  }
}

output "service_accounts" {
  description = "E-mail addresses of the accounts: runtime, build and, in the buffered shape, push."
  value = merge(
    { runtime = google_service_account.runtime.email, build = google_service_account.build.email },
    local.buffered ? { push = google_service_account.push[0].email } : {},
  )
}

output "pubsub" {
  description = "Full names of topics and subscriptions of the buffered shape, for `connector dlq`; null in the direct shape."
  value = local.buffered ? {
    topic                    = google_pubsub_topic.events[0].id
    subscription             = google_pubsub_subscription.push[0].id
    dead_letter_topic        = google_pubsub_topic.dead_letters[0].id
    dead_letter_subscription = google_pubsub_subscription.dead_letters[0].id
  } : null
}

output "ledger" {
  description = "LEDGER_URL of the connector, for tools that read the ledger."
  value       = local.environment.LEDGER_URL
}
