# Most connections between resources are known only after an apply. So these tests plan with a mock that
# Terraform makes from the provider's schema, and that gives values at the plan. It cannot reach Google.
# An apply would not do: the test could not destroy what must not be destroyed.

mock_provider "google" {
  override_during = plan

  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/my-project/serviceAccounts/wtl-hlr-push@my-project.iam.gserviceaccount.com"
      email  = "wtl-hlr-push@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:wtl-hlr-push@my-project.iam.gserviceaccount.com"
    }
  }
}

override_resource {
  target          = google_pubsub_topic.events[0]
  override_during = plan
  values          = { id = "projects/my-project/topics/wtl-hlr-events" }
}

override_resource {
  target          = google_pubsub_topic.dead_letters[0]
  override_during = plan
  values          = { id = "projects/my-project/topics/wtl-hlr-dead-letters" }
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
    dir     = "../../.."
    mapping = "mappings/wtl-hlr-hss.yaml"
  }
}

run "the_buffered_shape" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition     = google_pubsub_subscription.push[0].topic == google_pubsub_topic.events[0].id && google_pubsub_subscription.push[0].push_config[0].push_endpoint == "https://wtl-hlr-123456789012.europe-west1.run.app/pubsub"
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
    condition     = google_pubsub_topic.events[0].message_retention_duration == "2678400s" && google_pubsub_topic.dead_letters[0].message_retention_duration == "2678400s"
    error_message = "The topics must keep events for a subscription that is made anew."
  }
  assert {
    condition     = output.smoke_test.delivery == { project = "my-project", filter = local.settled_filter } && output.smoke_test.source == run.source.hash
    error_message = "The smoke test must see the event delivered, by the source that is deployed."
  }
  assert {
    condition     = length(google_pubsub_subscription.archive) + length(google_storage_bucket.archive) == 0
    error_message = "An archive of personal data must be asked for."
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
    condition     = keys(google_monitoring_alert_policy.backlog) == ["letters_expire", "oldest_message"] && strcontains(google_monitoring_alert_policy.backlog["letters_expire"].conditions[0].condition_threshold[0].filter, "\"wtl-hlr-dead-letters\"") && google_monitoring_alert_policy.backlog["letters_expire"].conditions[0].condition_threshold[0].threshold_value == 28 * 86400
    error_message = "A dead letter that expires soon, and an event that waits, must tell somebody."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.promql["dead_letters"].conditions[0].condition_prometheus_query_language[0].query, "user_wtl_hlr_dead_letters{") && strcontains(google_monitoring_alert_policy.promql["dead_letters"].conditions[0].condition_prometheus_query_language[0].query, "subscription_dead_letter_message_count{monitored_resource=\"pubsub_subscription\",subscription_id=\"wtl-hlr-push\"}")
    error_message = "Each new dead letter must tell somebody: those of the function, and those of Pub/Sub."
  }
  assert {
    condition     = output.nsps_handler.url == "https://wtl-hlr-123456789012.europe-west1.run.app/process-event" && strcontains(output.invoke_command, "--secret=wtl-hlr-API_TOKEN)") && strcontains(output.invoke_command, "Connector/SmokeTest")
    error_message = "What is to be entered in NSPS, and the test command, must be complete."
  }
  assert {
    condition     = google_secret_manager_secret_version.hash_key.secret_data_wo == null
    error_message = "The generated key must not be in the state."
  }
}

run "draining_delivers_what_waits_and_publishes_nothing" {
  command = plan
  variables {
    source_code = run.source
    delivery    = { shape = "draining" }
  }

  assert {
    condition     = local.environment.INGRESS == "direct" && output.smoke_test.delivery == null
    error_message = "New events must be direct."
  }
  assert {
    condition     = local.environment.PUBSUB_SERVICE_ACCOUNT == google_pubsub_subscription.push[0].push_config[0].oidc_token[0].service_account_email && local.environment.PUBSUB_AUDIENCE == google_pubsub_subscription.push[0].push_config[0].oidc_token[0].audience && can(local.environment.PUBSUB_DEAD_LETTER_TOPIC)
    error_message = "The function must still take what Pub/Sub delivers."
  }
  assert {
    condition     = length(google_pubsub_topic.events) + length(google_pubsub_topic.dead_letters) + length(google_pubsub_subscription.push) + length(google_pubsub_subscription.dead_letters) == 4 && output.pubsub != null
    error_message = "Topics and subscriptions must stay."
  }
}

run "behind_a_gateway_pubsub_still_gets_through" {
  command = plan
  variables {
    source_code = run.source
    function    = { ingress = "ALLOW_INTERNAL_AND_GCLB", invokers = ["serviceAccount:gateway@my-project.iam.gserviceaccount.com"] }
  }

  assert {
    condition     = keys(google_cloud_run_v2_service_iam_member.invoker) == ["serviceAccount:gateway@my-project.iam.gserviceaccount.com", "serviceAccount:wtl-hlr-push@my-project.iam.gserviceaccount.com"]
    error_message = "The gateway and the push account, and nobody else, must be allowed to call the function."
  }
  assert {
    condition     = google_pubsub_subscription.push[0].push_config[0].oidc_token[0].audience == local.uri
    error_message = "Cloud Run's own check accepts only tokens for the function's URL."
  }
}

run "dead_letters_can_be_archived" {
  command = plan
  variables {
    source_code = run.source
    delivery    = { shape = "buffered", archive_days = 365 }
  }

  assert {
    condition     = google_storage_bucket.archive[0].retention_policy[0].retention_period == "31536000" && one(flatten([for rule in google_storage_bucket.archive[0].lifecycle_rule : [for condition in rule.condition : condition.age]])) == 365 && google_storage_bucket.archive[0].public_access_prevention == "enforced"
    error_message = "The bucket must keep each file for a year, and no longer."
  }
  assert {
    condition     = google_pubsub_subscription.archive[0].topic == google_pubsub_topic.dead_letters[0].id && google_pubsub_subscription.archive[0].cloud_storage_config[0].bucket == google_storage_bucket.archive[0].name && google_pubsub_subscription.archive[0].cloud_storage_config[0].avro_config[0].write_metadata
    error_message = "The archive must get each dead letter, with its outcome and reason."
  }
  assert {
    condition     = toset([for grant in google_storage_bucket_iam_member.agent_archive : grant.role]) == toset(["roles/storage.legacyBucketReader", "roles/storage.objectCreator"]) && alltrue([for grant in google_storage_bucket_iam_member.agent_archive : grant.member == local.pubsub_agent])
    error_message = "Pub/Sub must be allowed to write the files, and no more."
  }
}
