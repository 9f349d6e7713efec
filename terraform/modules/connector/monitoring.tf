# Metrics of the function's log. Their labels are outcome and connector, and never personal data.

locals {
  service_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}\" AND resource.labels.location=\"${var.region}\""
  settled_filter = "${local.service_filter} AND jsonPayload.message=\"event settled\""

  metric_prefix = replace(var.name, "-", "_")

  counters = {
    events           = { of = "Events by outcome", filter = local.settled_filter }
    refused          = { of = "Requests refused before they were an event, by outcome", filter = "${local.service_filter} AND jsonPayload.message=\"request refused\"" }
    future_snapshots = { of = "Events whose snapshot lay in the future", filter = "${local.service_filter} AND jsonPayload.message=\"snapshot from the future\"" }
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
