# These tests only plan, with an invalid token, so they cannot reach Google.

provider "google" {
  project      = "my-project"
  region       = "europe-west1"
  access_token = "not-needed-for-a-plan"
}

variables {
  project = { id = "my-project", number = "123456789012" }
  region  = "europe-west1"
  name    = "wtl-hlr"
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

run "the_function_runs_what_the_mapping_says" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition     = google_cloudfunctions2_function.this.build_config[0].runtime == "python313" && google_cloudfunctions2_function.this.build_config[0].entry_point == "process_event"
    error_message = "The function must run process_event on Python 3.13."
  }
  assert {
    condition     = google_storage_bucket_object.source.name == "${run.source.hash}.zip"
    error_message = "The source must be named by its content's hash."
  }
  assert {
    condition = google_cloudfunctions2_function.this.service_config[0].environment_variables == tomap({
      MAPPING_FILE         = "mappings/wtl-hlr-hss.yaml"
      LOG_LEVEL            = "INFO"
      LEDGER_URL           = "firestore:?project=my-project&database=wtl-hlr"
      SECRETS              = "gcp:wtl-hlr-"
      EVENT_BUDGET         = "50"
      INGRESS              = "direct"
      SOURCE_HASH          = run.source.hash
      GOOGLE_CLOUD_PROJECT = "my-project"
      WTL_API_URL          = "https://hlr.example.com/wtl/hlr/v1"
    })
    error_message = "The environment must be the contract's, without secrets."
  }
  assert {
    condition     = length(google_cloudfunctions2_function.this.service_config[0].secret_environment_variables) == 0
    error_message = "The function reads secrets itself; none may be mounted."
  }
  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].available_cpu == "1" && google_cloudfunctions2_function.this.service_config[0].max_instance_request_concurrency == 80
    error_message = "An instance must have a whole CPU and serve 80 requests at a time."
  }
  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].service_account_email != null && length(google_service_account.push) == 0
    error_message = "The function must run as its own account; the direct shape has no push account."
  }
}

run "secrets_are_those_of_the_mapping_and_have_no_values" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition     = keys(google_secret_manager_secret.this) == ["API_TOKEN", "HASH_KEY", "WTL_API_TOKEN"]
    error_message = "There must be a secret for the token, the hash key, and each that the mapping names."
  }
  assert {
    condition     = google_secret_manager_secret.this["WTL_API_TOKEN"].secret_id == "wtl-hlr-WTL_API_TOKEN"
    error_message = "A secret's name must be the prefix and its name in the mapping."
  }
  assert {
    condition     = google_secret_manager_secret_version.hash_key.secret_data == null
    error_message = "The generated key must be write-only."
  }
  assert {
    condition     = google_secret_manager_secret.this["HASH_KEY"].deletion_protection && !google_secret_manager_secret.this["API_TOKEN"].deletion_protection
    error_message = "The key of the ledger's hashes must be protected as the ledger is."
  }
  assert {
    condition = output.secrets == {
      API_TOKEN     = "gcloud secrets versions add wtl-hlr-API_TOKEN --project=my-project --data-file=-"
      WTL_API_TOKEN = "gcloud secrets versions add wtl-hlr-WTL_API_TOKEN --project=my-project --data-file=-"
    }
    error_message = "The commands that add the values must be complete."
  }
}

run "each_account_may_do_only_its_work" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition = alltrue([
      for grant in google_secret_manager_secret_iam_member.runtime : grant.role == "roles/secretmanager.secretAccessor" && startswith(grant.secret_id, "wtl-hlr-")
    ]) && length(google_secret_manager_secret_iam_member.runtime) == 3
    error_message = "Access to secrets must be granted secret by secret."
  }
  assert {
    condition     = google_project_iam_member.runtime_ledger.role == "roles/datastore.user" && google_project_iam_member.runtime_ledger.condition[0].expression == "resource.name == \"projects/my-project/databases/wtl-hlr\""
    error_message = "The ledger's role must be bound to the ledger's database."
  }
  assert {
    condition     = google_project_iam_member.build_source.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-123456789012-europe-west1\")"
    error_message = "The build may read only the bucket from which Cloud Functions builds."
  }
  assert {
    condition     = google_project_iam_member.build_logs.role == "roles/logging.logWriter" && google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer"
    error_message = "The build must be able to log, and to push its image."
  }
  assert {
    condition     = keys(google_cloud_run_v2_service_iam_member.invoker) == ["allUsers"] && google_cloud_run_v2_service_iam_member.invoker["allUsers"].role == "roles/run.invoker"
    error_message = "NSPS has no Google identity and must get through to the function."
  }
  assert {
    condition     = length(google_secret_manager_secret_iam_member.smoke_test) == 0
    error_message = "Nobody but the function may read the token unless that is asked for."
  }
}

run "the_ledger_is_protected_and_forgets_in_time" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition     = google_firestore_database.ledger.name == "wtl-hlr" && google_firestore_database.ledger.type == "FIRESTORE_NATIVE" && google_firestore_database.ledger.location_id == "europe-west1"
    error_message = "The ledger must be a named database in native mode, in the function's region."
  }
  assert {
    condition     = google_firestore_database.ledger.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    error_message = "The ledger must be protected from deletion."
  }
  assert {
    condition     = toset([for key, field in google_firestore_field.ledger : key if length(field.ttl_config) == 1]) == toset(["nsps_events.expires", "nsps_kept.expires", "nsps_notes.expires", "nsps_subjects.expires"])
    error_message = "Each collection must expire by `expires`, and by nothing else."
  }
  assert {
    condition     = length(google_firestore_field.ledger) == 17 && alltrue([for field in google_firestore_field.ledger : length(field.index_config) == 1 && length(try(field.index_config[0].indexes, [])) == 0])
    error_message = "No field of the ledger may have an index."
  }
}

run "what_was_deleted_by_mistake_can_come_back" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.version_destroy_ttl == "2592000s"])
    error_message = "A version that was destroyed by mistake must come back within 30 days."
  }
  assert {
    condition     = google_firestore_backup_schedule.ledger[0].retention == "604800s" && google_firestore_backup_schedule.ledger[0].database == "wtl-hlr" && length(google_firestore_backup_schedule.ledger[0].daily_recurrence) == 1
    error_message = "The ledger must be copied each day, and each copy be kept for a week."
  }
}

run "traffic_can_be_held_and_calls_can_leave_through_a_network" {
  command = plan
  variables {
    source_code = run.source
    function    = { hold_traffic = true, invokers = [], network = { network = "n", subnetwork = "s" }, public_url = "https://wtl-hlr.nsps.example.com" }
    ledger      = { backup_days = 0 }
  }

  assert {
    condition     = !google_cloudfunctions2_function.this.service_config[0].all_traffic_on_latest_revision && output.smoke_test.source == null
    error_message = "The new revision must wait for its traffic, and the old source may serve."
  }
  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].direct_vpc_egress == "VPC_EGRESS_ALL_TRAFFIC" && google_cloudfunctions2_function.this.service_config[0].direct_vpc_network_interface[0].subnetwork == "s"
    error_message = "All calls must leave through the network."
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.invoker) == 0
    error_message = "Where allUsers is forbidden, nobody must get the role."
  }
  assert {
    condition     = output.nsps_handler.url == "https://wtl-hlr.nsps.example.com/process-event" && output.smoke_test.health_url == "https://wtl-hlr.nsps.example.com/health"
    error_message = "NSPS must call the load balancer."
  }
  assert {
    condition     = length(google_firestore_backup_schedule.ledger) == 0
    error_message = "The backups can be switched off."
  }
}

run "what_nsps_must_know_comes_from_the_mapping" {
  command = plan
  variables {
    source_code = run.source
  }

  assert {
    condition     = tolist(local.event_types) == tolist(["SIM/Created", "SIM/Deleted", "SIM/Replaced", "SIM/Updated"])
    error_message = "The handler's event types must be the rules'."
  }
  assert {
    condition     = toset(local.required_data) == toset(["account_info", "access_policy_info", "prev_sim_info", "sim_info"])
    error_message = "The handler's required data must be what the mapping reads."
  }
}

run "somebody_is_told" {
  command = plan
  variables {
    source_code = run.source
    alerts = {
      channels    = ["projects/my-project/notificationChannels/1"]
      runbook_url = "https://git.example.com/docs/operate.md"
    }
  }

  assert {
    condition     = keys(google_monitoring_alert_policy.promql) == ["ledger_errors", "many_stuck_events", "no_instance", "no_traffic", "only_refusals", "outcome_failed", "outcome_invalid", "outcome_rejected", "outcome_throttled", "outcome_unavailable", "outcome_unknown_resource", "platform_errors", "refused_events", "slo_fast", "slo_slow", "slow_events", "stuck_events", "unauthorized_callers"] && keys(google_monitoring_alert_policy.log) == ["blast_guard", "cannot_start", "circuit_open", "failed_rollout", "fails_every_call", "out_of_memory", "refused_credentials", "secret_access"] && length(google_monitoring_alert_policy.uptime) == 1 && length(google_monitoring_alert_policy.backlog) == 0
    error_message = "The direct shape must have these alerts."
  }
  assert {
    condition     = alltrue([for alert in concat(values(google_monitoring_alert_policy.promql), values(google_monitoring_alert_policy.log), google_monitoring_alert_policy.uptime) : length(alert.notification_channels) == 1 && can(regex("(?s)What it means.*What to do.*https://git.example.com/docs/operate.md#[a-z-]+", alert.documentation[0].content))])
    error_message = "Each alert must tell somebody what it means, what to do, and where to read on."
  }
  assert {
    condition     = alltrue([for metric in merge(google_logging_metric.counter, google_logging_metric.distribution) : toset(keys(metric.label_extractors)) == toset(["connector", "outcome"])])
    error_message = "Metrics may have no other labels than connector and outcome: never personal data."
  }
  assert {
    condition     = alltrue([for metric in google_logging_metric.event : toset(keys(metric.label_extractors)) == toset(["connector", "event_id", "outcome"]) && strcontains(metric.filter, "NOT jsonPayload.outcome=(\"applied\" OR") && strcontains(google_monitoring_dashboard.this.dashboard_json, "user_${metric.name}{")])
    error_message = "Only events that are not accepted may be a label: there are few of them."
  }
  assert {
    condition     = google_logging_metric.distribution["snapshot_age"].value_extractor == "EXTRACT(jsonPayload.snapshot_age_seconds)" && google_logging_metric.distribution["latency"].value_extractor == "EXTRACT(jsonPayload.milliseconds)"
    error_message = "The distributions must be of the log's own fields."
  }
  assert {
    condition     = alltrue([for metric in google_logging_metric.counter : strcontains(google_monitoring_dashboard.this.dashboard_json, "user_${metric.name}{")]) && alltrue([for metric in google_logging_metric.distribution : strcontains(google_monitoring_dashboard.this.dashboard_json, "user_${metric.name}_bucket{")])
    error_message = "Each metric must be on the dashboard."
  }
}

run "quiet_hours_and_a_load_balancer_are_possible" {
  command = plan
  variables {
    source_code = run.source
    function    = { ingress = "ALLOW_INTERNAL_AND_GCLB" }
    alerts      = { no_traffic_hours = 23 }
  }

  assert {
    condition     = length(google_monitoring_uptime_check_config.health) == 0
    error_message = "Nobody outside can ask /health of a function behind a load balancer."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.promql["no_traffic"].conditions[0].condition_prometheus_query_language[0].query, "[23h]")
    error_message = "The hours without traffic must be the operator's."
  }
}

run "a_key_of_ones_own_encrypts_all_that_keeps_data" {
  command = plan
  variables {
    source_code = run.source
    delivery    = { shape = "buffered" }
    kms_key     = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition = alltrue([
      for key in [
        google_cloudfunctions2_function.this.kms_key_name,
        google_artifact_registry_repository.image.kms_key_name,
        google_storage_bucket.source.encryption[0].default_kms_key_name,
        google_pubsub_topic.events[0].kms_key_name,
        google_pubsub_topic.dead_letters[0].kms_key_name,
        google_firestore_database.ledger.cmek_config[0].kms_key_name,
        google_secret_manager_secret.this["API_TOKEN"].replication[0].user_managed[0].replicas[0].customer_managed_encryption[0].kms_key_name,
      ] : key == var.kms_key
    ])
    error_message = "Function, image, source, topics, ledger and secrets must use the key."
  }
}
