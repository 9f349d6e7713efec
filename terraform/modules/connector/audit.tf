# The audit: a scheduled job that compares what the external system holds with what it should hold, and only
# reads. It has the settings, the secrets and the ledger of the function (docs/audit.md).

locals {
  audited = var.audit != null
  audit_arguments = local.audited ? concat(
    ["--log", "--for", tostring(var.audit.minutes)],
    var.audit.rate == null ? [] : ["--rate", tostring(var.audit.rate)],
    var.audit.known == null ? [] : ["--known", var.audit.known],
    length(var.audit.repair) == 0 ? [] : ["--repair", join(",", var.audit.repair), "--at-most", tostring(var.audit.most_repairs), "--send"],
  ) : []
  audit_rate = local.audited ? coalesce(var.audit.rate, local.rate_limit == null ? 5 : local.rate_limit / 10) : 0

  audit_filter = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"${var.name}-audit\" AND resource.labels.location=\"${var.region}\""
  # A container that exits with an error has written a line itself: differences, or `audit failed`. Google's own
  # lines tell of a job that never came so far.
  audit_alerts = local.audited ? {
    drift = {
      title    = "the external system differs from billing"
      severity = "ERROR"
      anchor   = "drift"
      filter   = "${local.audit_filter} AND jsonPayload.message=\"audit ended\" AND jsonPayload.drift>0"
      means    = "An audit read differences twice. The counts of its last line say how many there are of each kind; the lines `audit found` before it name resource and field, and the subject by its hash."
      todo     = "Run `connector audit` with `--clear` to see the values. Repair with `--repair missing,different --send`, or enter what is right in the file of known differences."
    }
    audit_failed = {
      title    = "the audit cannot be done"
      severity = "WARNING"
      anchor   = "audit-failed"
      filter   = "(${local.audit_filter} AND (jsonPayload.message=\"audit failed\" OR (severity>=ERROR AND log_id(\"cloudaudit.googleapis.com/system_event\") AND NOT protoPayload.status.message:\"exited with an error\"))) OR (severity>=ERROR AND resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"${var.name}-audit\" AND resource.labels.location=\"${var.region}\")"
      means    = "A run of the audit ended early or did not start. Nothing was changed by it, and the next run goes on from there."
      todo     = "Read `cause` of the line `audit failed`; if there is none, the status of the line of Cloud Run or of Cloud Scheduler (no image, no permission, too little memory). If the external system or the ledger did not answer, nothing is to do unless it happens again. Else correct the setting that `cause` names."
    }
  } : {}
}

resource "google_service_account" "audit" {
  count = local.audited ? 1 : 0

  project      = var.project.id
  account_id   = "${var.name}-audit"
  display_name = "Connector ${var.name}: starts the audit"
}

resource "google_cloud_run_v2_job" "audit" {
  count = local.audited ? 1 : 0

  project             = var.project.id
  name                = "${var.name}-audit"
  location            = var.region
  deletion_protection = false # it holds no data
  labels              = var.labels

  template {
    parallelism = 1
    task_count  = 1
    labels      = var.labels
    template {
      service_account = google_service_account.runtime.email
      max_retries     = 0 # the next run goes on where this one ended
      timeout         = "${var.audit.minutes * 60 + 900}s"
      encryption_key  = var.kms_key

      containers {
        image = var.audit.image
        args  = local.audit_arguments

        resources {
          limits = { cpu = "1", memory = var.audit.memory }
        }
        dynamic "env" {
          # The audit takes no events.
          for_each = { for name, value in local.environment : name => value if !startswith(name, "PUBSUB_") && !contains(["INGRESS", "SHADOW_MAPPING_FILE"], name) }
          content {
            name  = env.key
            value = env.value
          }
        }
      }

      dynamic "vpc_access" {
        for_each = var.function.network[*]
        content {
          egress = "ALL_TRAFFIC"
          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.mapping.system_limit == null || local.rate_limit == null ? true : var.function.max_instances * local.rate_limit + local.audit_rate <= var.mapping.system_limit
      error_message = "${var.function.max_instances} instances and the audit (${local.audit_rate}/s) exceed ${coalesce(var.mapping.system_limit, 0)}/s of the external system: lower audit.rate or function.max_instances."
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.runtime,
    google_secret_manager_secret_iam_member.runtime_versions,
    google_project_iam_member.runtime_ledger,
  ]
}

resource "google_cloud_run_v2_job_iam_member" "audit" {
  count = local.audited ? 1 : 0

  project  = var.project.id
  location = var.region
  name     = google_cloud_run_v2_job.audit[0].name
  role     = "roles/run.invoker"
  member   = google_service_account.audit[0].member
}

resource "google_cloud_scheduler_job" "audit" {
  count = local.audited ? 1 : 0

  project          = var.project.id
  region           = var.region
  name             = "${var.name}-audit"
  description      = "Starts the audit of connector ${var.name}"
  schedule         = var.audit.schedule
  time_zone        = var.audit.time_zone
  attempt_deadline = "60s" # for the start; the job runs longer

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project.id}/locations/${var.region}/jobs/${var.name}-audit:run"
    oauth_token {
      service_account_email = google_service_account.audit[0].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.audit]
}

# One line for each difference; the label says of which kind.
resource "google_logging_metric" "drift" {
  count = local.audited ? 1 : 0

  project     = var.project.id
  name        = "${local.metric_prefix}_drift"
  description = "Differences that audits found, by kind: connector ${var.name}"
  filter      = "${local.audit_filter} AND jsonPayload.message=\"audit found\""

  metric_descriptor {
    display_name = "${var.name}: differences that audits found"
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    labels {
      key         = "kind"
      value_type  = "STRING"
      description = "missing, extra, different, double or unreadable"
    }
  }

  label_extractors = {
    kind = "EXTRACT(jsonPayload.kind)"
  }
}

resource "google_logging_metric" "audited" {
  count = local.audited ? 1 : 0

  project         = var.project.id
  name            = "${local.metric_prefix}_audited"
  description     = "Subjects that each run of the audit checked: connector ${var.name}"
  filter          = "${local.audit_filter} AND jsonPayload.message=\"audit ended\""
  value_extractor = "EXTRACT(jsonPayload.checked)"

  metric_descriptor {
    display_name = "${var.name}: subjects that a run of the audit checked"
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "1"
  }

  bucket_options {
    exponential_buckets {
      scale              = 1
      growth_factor      = 2
      num_finite_buckets = 24
    }
  }
}

resource "google_monitoring_alert_policy" "audit" {
  for_each = local.audit_alerts

  project               = var.project.id
  display_name          = "${var.name}: ${each.value.title}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = var.alerts.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title
    condition_matched_log {
      filter = each.value.filter
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content   = local.documentation[each.key]
    mime_type = "text/markdown"
  }
}
