# Metrics of the function's log and of the platform's. Their labels are outcome, connector and the id of
# an event that is not accepted, and never personal data.

locals {
  service_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}\" AND resource.labels.location=\"${var.region}\""
  settled_filter = "${local.service_filter} AND jsonPayload.message=\"event settled\""

  refused_filter = "${local.service_filter} AND jsonPayload.message=\"request refused\""
  # Entries of the platform's log of requests. Only those that the platform itself answered have a text.
  platform_filter = "${local.service_filter} AND log_id(\"run.googleapis.com/requests\") AND textPayload:*"

  accepted            = ["applied", "duplicate", "ignored", "superseded"]
  not_accepted_filter = "${local.settled_filter} AND NOT jsonPayload.outcome=(\"${join("\" OR \"", local.accepted)}\")"
  # NSPS repeats an event after a minute or later: in this time it counts once or twice.
  fresh_seconds = 120

  metric_prefix = replace(var.name, "-", "_")

  counters = merge(
    {
      events           = { of = "Events by outcome", filter = local.settled_filter }
      fresh            = { of = "Events by outcome, in the first two minutes of their life", filter = "${local.settled_filter} AND (jsonPayload.age_seconds<${local.fresh_seconds} OR NOT jsonPayload.age_seconds:*)" }
      refused          = { of = "Requests refused before they were an event, by outcome", filter = local.refused_filter }
      refused_posts    = { of = "Requests refused before they were an event that came by POST", filter = "${local.refused_filter} AND jsonPayload.method=\"POST\"" }
      refused_events   = { of = "Events that could not be read or stored", filter = "${local.service_filter} AND ((jsonPayload.message=\"request refused\" AND jsonPayload.status=(413 OR 422 OR 500 OR 503)) OR (jsonPayload.message=\"event settled\" AND jsonPayload.outcome=\"invalid\" AND NOT jsonPayload.event_id:*) OR jsonPayload.message=\"message unreadable\")" }
      future_snapshots = { of = "Events whose snapshot lay in the future", filter = "${local.service_filter} AND jsonPayload.message=\"snapshot from the future\"" }
      ledger_errors    = { of = "Events for which the ledger could not be reached", filter = "${local.service_filter} AND ((jsonPayload.message=\"event settled\" AND jsonPayload.reason=\"The ledger cannot be reached\") OR jsonPayload.message=\"claim not released\")" }
      platform_errors  = { of = "Requests that Cloud Run itself answered with 5xx", filter = "${local.platform_filter} AND httpRequest.status>=500" }
      no_instance      = { of = "Requests that Cloud Run itself answered with 429", filter = "${local.platform_filter} AND httpRequest.status=429" }
    },
    local.buffered ? {
      dead_letters = { of = "Events that the function put on the dead-letter topic", filter = "${local.service_filter} AND jsonPayload.message=\"event dead-lettered\"" }
    } : {},
  )
  # Metrics with the event's id as a label: alerts count events with them, and not attempts. Only events
  # that are not accepted are in them, so that there are few series (docs/decisions/0054-alerts-count-events.md).
  event_counters = {
    unaccepted = { of = "Attempts that were not accepted, by event", filter = local.not_accepted_filter }
    stuck      = { of = "Attempts that were not accepted ${var.alerts.stuck_hours} hours after NSPS got the event, by event", filter = "${local.not_accepted_filter} AND jsonPayload.age_seconds>${var.alerts.stuck_hours * 3600}" }
  }
  distributions = {
    latency = {
      of     = "Time that an event took"
      unit   = "ms"
      field  = "milliseconds"
      filter = local.settled_filter
      # 10 ms to 13 minutes in steps of 60 %
      scale = 10, growth = 1.6, buckets = 24
    }
    snapshot_age = {
      of     = "Age of the snapshot when an event was applied"
      unit   = "s"
      field  = "snapshot_age_seconds"
      filter = "${local.settled_filter} AND jsonPayload.outcome=\"applied\" AND jsonPayload.snapshot_age_seconds>=0"
      # 1 s to 97 days, doubling
      scale = 1, growth = 2, buckets = 23
    }
  }
}

resource "google_logging_metric" "counter" {
  for_each = local.counters

  project     = var.project.id
  name        = "${local.metric_prefix}_${each.key}"
  description = "${each.value.of}: connector ${var.name}"
  filter      = each.value.filter

  metric_descriptor {
    display_name = "${var.name}: ${each.value.of}"
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = "What became of it"
    }
    labels {
      key         = "connector"
      value_type  = "STRING"
      description = "Name of the mapping"
    }
  }

  label_extractors = {
    outcome   = "EXTRACT(jsonPayload.outcome)"
    connector = "EXTRACT(jsonPayload.connector)"
  }
}

resource "google_logging_metric" "event" {
  for_each = local.event_counters

  project     = var.project.id
  name        = "${local.metric_prefix}_${each.key}"
  description = "${each.value.of}: connector ${var.name}"
  filter      = each.value.filter

  metric_descriptor {
    display_name = "${var.name}: ${each.value.of}"
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = "What became of it"
    }
    labels {
      key         = "connector"
      value_type  = "STRING"
      description = "Name of the mapping"
    }
    labels {
      key         = "event_id"
      value_type  = "STRING"
      description = "Id of the event in NSPS"
    }
  }

  label_extractors = {
    outcome   = "EXTRACT(jsonPayload.outcome)"
    connector = "EXTRACT(jsonPayload.connector)"
    event_id  = "EXTRACT(jsonPayload.event_id)"
  }
}

resource "google_logging_metric" "distribution" {
  for_each = local.distributions

  project         = var.project.id
  name            = "${local.metric_prefix}_${each.key}"
  description     = "${each.value.of}: connector ${var.name}"
  filter          = each.value.filter
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    display_name = "${var.name}: ${each.value.of}"
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = "What became of it"
    }
    labels {
      key         = "connector"
      value_type  = "STRING"
      description = "Name of the mapping"
    }
  }

  label_extractors = {
    outcome   = "EXTRACT(jsonPayload.outcome)"
    connector = "EXTRACT(jsonPayload.connector)"
  }

  bucket_options {
    exponential_buckets {
      scale              = each.value.scale
      growth_factor      = each.value.growth
      num_finite_buckets = each.value.buckets
    }
  }
}
