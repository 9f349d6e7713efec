locals {
  # `draining` keeps topics and subscriptions, but the function no longer publishes events of NSPS.
  buffered             = var.delivery.shape != "direct"
  publishes            = var.delivery.shape == "buffered"
  ack_deadline_seconds = coalesce(var.delivery.ack_deadline_seconds, min(600, var.function.timeout_seconds + 30))
  # Cloud Run's deterministic URL. It is known before the function exists, so the push subscription can
  # exist before the function publishes. It is also the audience that Cloud Run's own check accepts.
  uri = "https://${var.name}-${var.project.number}.${var.region}.run.app"
  # The plan knows the parts of this address; it does not know the account's attribute `email`.
  push_email = "${var.name}-push@${var.project.id}.iam.gserviceaccount.com"

  environment = merge(
    var.mapping.variables,
    {
      MAPPING_FILE         = var.mapping.file
      LOG_LEVEL            = var.function.log_level
      LEDGER_URL           = "firestore:?project=${var.project.id}&database=${google_firestore_database.ledger.name}"
      SECRETS              = "gcp:${local.secret_prefix}"
      EVENT_BUDGET         = tostring(var.function.event_budget_seconds)
      INGRESS              = local.publishes ? "publish" : "direct"
      SOURCE_HASH          = var.source_code.hash
      GOOGLE_CLOUD_PROJECT = var.project.id # Cloud Run does not set it
    },
    local.buffered ? {
      PUBSUB_TOPIC             = "projects/${var.project.id}/topics/${google_pubsub_topic.events[0].name}"
      PUBSUB_DEAD_LETTER_TOPIC = "projects/${var.project.id}/topics/${google_pubsub_topic.dead_letters[0].name}"
      PUBSUB_SERVICE_ACCOUNT   = local.push_email
      PUBSUB_AUDIENCE          = local.uri
    } : {},
    local.audited ? { KEEP_STATE = "true" } : {},
    var.mapping.shadow == null ? {} : { SHADOW_MAPPING_FILE = var.mapping.shadow },
    var.function.blast_limit == null ? {} : { BLAST_LIMIT = var.function.blast_limit },
  )
}

resource "google_storage_bucket" "source" {
  #checkov:skip=CKV_GCP_62:Only Terraform writes here, one object for each deployment; Cloud Audit Logs record it.
  project                     = var.project.id
  name                        = "${var.project.id}-${var.name}-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # contains only copies of the repository
  labels                      = var.labels

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_storage_bucket_object" "source" {
  bucket = google_storage_bucket.source.name
  name   = "${var.source_code.hash}.zip"
  source = var.source_code.zip

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_artifact_registry_repository" "image" {
  project       = var.project.id
  location      = var.region
  repository_id = var.name
  description   = "Images of the connector ${var.name}, built by Cloud Functions"
  format        = "DOCKER"
  kms_key_name  = var.kms_key
  labels        = var.labels

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }
}

resource "google_cloudfunctions2_function" "this" {
  #checkov:skip=CKV_GCP_124:NSPS calls from outside Google Cloud; the function checks its token on every request.
  project      = var.project.id
  location     = var.region
  name         = var.name
  description  = local.mapping.summary
  kms_key_name = var.kms_key
  labels       = var.labels

  build_config {
    runtime           = var.function.runtime
    entry_point       = "process_event"
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.image.id
    # The build compiles the code and gives each file of the image the same old date. If Python checked
    # the bytecode by its source's date, it would compile the code again at each cold start. With this
    # variable it checks the source's hash (docs/decisions/0013-bytecode.md).
    environment_variables = { SOURCE_DATE_EPOCH = "315532801" }
    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    available_memory                 = var.function.memory
    available_cpu                    = var.function.cpu
    max_instance_request_concurrency = var.function.concurrency
    timeout_seconds                  = var.function.timeout_seconds
    min_instance_count               = var.function.min_instances
    max_instance_count               = var.function.max_instances
    ingress_settings                 = var.function.ingress
    all_traffic_on_latest_revision   = !var.function.hold_traffic
    service_account_email            = google_service_account.runtime.email
    direct_vpc_egress                = var.function.network == null ? null : "VPC_EGRESS_ALL_TRAFFIC"
    environment_variables            = local.environment

    dynamic "direct_vpc_network_interface" {
      for_each = var.function.network[*]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.missing_variables) == 0
      error_message = "mapping.variables must also give ${join(", ", local.missing_variables)}: ${local.files} needs them."
    }
    precondition {
      condition     = length(local.unknown_variables) == 0
      error_message = "mapping.variables gives ${join(", ", local.unknown_variables)}, which ${local.files} does not read; it reads ${join(", ", local.known_variables)}."
    }
    precondition {
      condition     = var.mapping.system_limit == null || local.rate_limit != null
      error_message = "mapping.system_limit is given, but ${var.mapping.file} has no rate_limit under system: the instances could exceed the limit. Add one to the mapping."
    }
    precondition {
      condition     = try(var.function.max_instances * local.rate_limit <= var.mapping.system_limit, true)
      error_message = "function.max_instances times the mapping's rate_limit must be at most mapping.system_limit: ${var.function.max_instances} instances of ${coalesce(local.rate_limit, 0)}/s exceed ${coalesce(var.mapping.system_limit, 0)}/s. Lower one of the two. During a roll-out there can be twice as many instances for a moment: half of the limit is safe."
    }
    precondition {
      condition     = try(var.function.max_instances * local.sessions_per_instance <= local.sessions, true)
      error_message = "function.max_instances must be at most the mapping's sessions, because each instance logs in: ${var.function.max_instances} instances with ${local.sessions_per_instance} each need more than ${coalesce(local.sessions, 0)}. During a roll-out there can be twice as many instances for a moment: half of the sessions is safe."
    }
    precondition {
      condition     = var.function.event_budget_seconds < var.function.timeout_seconds
      error_message = "function.event_budget_seconds (${var.function.event_budget_seconds}) must be less than function.timeout_seconds (${var.function.timeout_seconds}): otherwise Google cuts an event off before the connector answers."
    }
    precondition {
      condition     = !local.buffered || var.function.timeout_seconds < local.ack_deadline_seconds
      error_message = "function.timeout_seconds (${var.function.timeout_seconds}) must be less than the acknowledgement deadline (${local.ack_deadline_seconds} s): otherwise Pub/Sub sends an event again that is still being applied."
    }
  }

  # The first revision starts only if it can read its secrets and its ledger exists. It publishes an event
  # only when the subscription that delivers it exists: Pub/Sub gives a later subscription nothing.
  depends_on = [
    terraform_data.grants,
    google_secret_manager_secret_version.hash_key,
    google_pubsub_subscription.push,
    google_pubsub_subscription_iam_member.agent_push,
  ]
}
