# These tests apply, because most connections between resources are known only then. They apply to a
# mock that Terraform makes from the provider's schema, so they cannot reach Google.

mock_provider "google" {
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = { uri = "https://wtl-hlr-abcdef-ew.a.run.app" }
    }
  }
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/my-project/serviceAccounts/wtl-hlr-push@my-project.iam.gserviceaccount.com"
      email  = "wtl-hlr-push@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:wtl-hlr-push@my-project.iam.gserviceaccount.com"
    }
  }
}

variables {
  project  = { id = "my-project", number = "123456789012" }
  region   = "europe-west1"
  name     = "wtl-hlr"
  delivery = { shape = "buffered" }
  ledger   = { delete_protection = false }
  mapping = {
    file      = "mappings/wtl-hlr-hss.yaml"
    variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1" }
  }
}

run "source" {
  module {
    source = "../source"
  }
  variables {
    dir = "../../.."
  }
}

run "apply" {
  variables {
    source_code = run.source
  }

  assert {
    condition     = google_pubsub_subscription.push[0].topic == google_pubsub_topic.events[0].id && google_pubsub_subscription.push[0].push_config[0].push_endpoint == "https://wtl-hlr-abcdef-ew.a.run.app/pubsub"
    error_message = "The events must be pushed to the function's /pubsub."
  }
  assert {
    condition     = google_pubsub_subscription.push[0].push_config[0].oidc_token[0].service_account_email == google_service_account.push[0].email && google_pubsub_subscription.push[0].push_config[0].oidc_token[0].audience == local.environment.PUBSUB_AUDIENCE
    error_message = "What is pushed must be signed by the push account, for the audience that the function checks."
  }
  assert {
    condition     = local.environment.PUBSUB_SERVICE_ACCOUNT == "${google_service_account.push[0].account_id}@my-project.iam.gserviceaccount.com" && local.environment.INGRESS == "publish"
    error_message = "The function must expect the push account."
  }
  assert {
    condition     = local.environment.PUBSUB_TOPIC == "projects/my-project/topics/wtl-hlr-events" && local.environment.PUBSUB_DEAD_LETTER_TOPIC == "projects/my-project/topics/wtl-hlr-dead-letters"
    error_message = "The function must know the topics by their full names."
  }
  assert {
    condition     = google_pubsub_subscription.push[0].dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.dead_letters[0].id && google_pubsub_subscription.push[0].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "After 100 attempts an event must become a dead letter."
  }
  assert {
    condition     = google_pubsub_subscription.dead_letters[0].topic == google_pubsub_topic.dead_letters[0].id && google_pubsub_subscription.dead_letters[0].expiration_policy[0].ttl == "" && google_pubsub_subscription.dead_letters[0].message_retention_duration == "2678400s" && length(google_pubsub_subscription.dead_letters[0].push_config) == 0
    error_message = "Dead letters must wait to be pulled, for 31 days, in a subscription that does not expire."
  }
  assert {
    condition     = google_pubsub_subscription.push[0].retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.push[0].retry_policy[0].maximum_backoff == "600s" && !google_pubsub_subscription.push[0].enable_message_ordering
    error_message = "Attempts must be 10 s to 10 min apart, and unordered."
  }
  assert {
    condition     = google_pubsub_subscription.push[0].ack_deadline_seconds == 90
    error_message = "Pub/Sub must wait longer than the function may take."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.agent_dead_letters[0].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" && google_pubsub_topic_iam_member.agent_dead_letters[0].role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.agent_dead_letters[0].topic == google_pubsub_topic.dead_letters[0].name
    error_message = "Pub/Sub itself must be allowed to put events on the dead-letter topic."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.agent_push[0].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" && google_pubsub_subscription_iam_member.agent_push[0].role == "roles/pubsub.subscriber" && google_pubsub_subscription_iam_member.agent_push[0].subscription == google_pubsub_subscription.push[0].name
    error_message = "Pub/Sub itself must be allowed to acknowledge what it put on the dead-letter topic."
  }
  assert {
    condition     = { for key, grant in google_pubsub_topic_iam_member.runtime : key => grant.topic } == { events = "wtl-hlr-events", dead_letters = "wtl-hlr-dead-letters" } && alltrue([for grant in google_pubsub_topic_iam_member.runtime : grant.role == "roles/pubsub.publisher" && grant.member == google_service_account.runtime.member])
    error_message = "The function must be allowed to publish to both topics."
  }
  assert {
    condition     = google_service_account_iam_member.agent_sign[0].service_account_id == google_service_account.push[0].name
    error_message = "Pub/Sub must be allowed to sign with the push account, and with no other."
  }
  assert {
    condition     = keys(google_monitoring_alert_policy.backlog) == ["dead_letters", "oldest_message"] && strcontains(google_monitoring_alert_policy.backlog["dead_letters"].conditions[0].condition_threshold[0].filter, "\"wtl-hlr-dead-letters\"") && google_monitoring_alert_policy.backlog["dead_letters"].conditions[0].condition_threshold[0].threshold_value == 0
    error_message = "One dead letter, and an event that waits, must tell somebody."
  }
  assert {
    condition     = output.nsps_handler.url == "https://wtl-hlr-abcdef-ew.a.run.app/process-event" && strcontains(output.invoke_command, "--secret=wtl-hlr-API_TOKEN)") && strcontains(output.invoke_command, "Connector/SmokeTest")
    error_message = "What is to be entered in NSPS, and the test command, must be complete."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.health[0].monitored_resource[0].labels["host"] == "wtl-hlr-abcdef-ew.a.run.app"
    error_message = "The uptime check must ask the function."
  }
  assert {
    condition     = google_secret_manager_secret_version.hash_key.secret_data_wo == null
    error_message = "The generated key must not be in the state."
  }
}
