# The alerts. Each alert says what it means and what to do, and names its section of
# docs/operate.md.

locals {
  log_metric = "logging_googleapis_com:user_${local.metric_prefix}"
  selector   = "monitored_resource=\"cloud_run_revision\""
  events     = "${local.log_metric}_events"
  refused    = "${local.log_metric}_refused"
  fifteen    = "sum(increase(${local.events}{${local.selector}}[15m]))"

  # Alerts on our own log-based metrics. They are in PromQL, because only PromQL conditions can switch
  # off Google's check that the metric exists. A new metric is not found for up to ten minutes
  # (terraform-provider-google issue 11102).
  promql_alerts = merge(
    {
      failed_events = {
        title    = "many events fail"
        severity = "CRITICAL"
        anchor   = "failed-events"
        query    = "sum(increase(${local.events}{${local.selector},outcome=~\"failed|unavailable\"}[15m])) / ${local.fifteen} > ${var.alerts.failed_percent / 100} and ${local.fifteen} >= ${var.alerts.failed_minimum}"
        duration = "0s"
        means    = "More than ${var.alerts.failed_percent} % of the events of the last 15 minutes ended failed or unavailable. No event is lost: they come again."
        todo     = "Look at the newest log lines with `outcome` failed or unavailable: `reason` and `cause` say what the external system answered. If the system is down or in maintenance, its operator must act. If it refuses the data, the mapping must change."
      }
      unauthorized_callers = {
        title    = "requests with a wrong token"
        severity = "WARNING"
        anchor   = "unauthorised-callers"
        query    = "sum(increase(${local.refused}{${local.selector},outcome=\"unauthorized\"}[10m])) > ${var.alerts.unauthorized}"
        duration = "0s"
        means    = "More than ${var.alerts.unauthorized} requests in 10 minutes came with a wrong token or without a token. They changed nothing."
        todo     = "If the token was rotated, enter the new token in NSPS's handler, and keep the old version of the secret enabled until then. Otherwise strangers send requests to the address. Then no action is needed, unless the requests cost too much."
      }
    },
    var.alerts.no_traffic_hours == null ? {} : {
      no_traffic = {
        title    = "no event for hours"
        severity = "WARNING"
        anchor   = "no-traffic"
        query    = "(sum(increase(${local.events}{${local.selector}}[${coalesce(var.alerts.no_traffic_hours, 1)}h])) or vector(0)) < 1"
        duration = "300s"
        means    = "No event was settled in ${coalesce(var.alerts.no_traffic_hours, 0)} hours."
        todo     = "In NSPS, check that the handler is enabled, that event processing is not paused, and that the handler's URL is the output `url`. Then send a test event with the output `invoke_command`."
      }
    },
  )

  # Alerts on single log lines, for rare cases that an operator must know at once.
  log_alerts = {
    circuit_open = {
      title    = "circuit open"
      severity = "CRITICAL"
      anchor   = "circuit-open"
      filter   = "${local.service_filter} AND jsonPayload.circuit=\"open\""
      means    = "Several calls in a row found the external system unavailable. An instance stopped calling it and tries one call every few seconds. Events are answered 503 and come again."
      todo     = "Check that the external system is up, and that its firewall still admits the connector's address. The circuit closes by itself; the log then says `circuit closed`."
    }
    refused_credentials = {
      title    = "the external system refuses the connector's credentials"
      severity = "CRITICAL"
      anchor   = "refused-credentials"
      filter   = "${local.settled_filter} AND jsonPayload.outcome=\"failed\" AND jsonPayload.reason=~\"^API Core refused the connector's credentials\""
      means    = "The external system answered 401 or 403 to the connector's own credentials. No event can be applied; all events come again."
      todo     = "Add the right credentials as a new version of the secret that the mapping names (output `secrets`). The function reads the new version without a restart."
    }
  }

  backlog_alerts = local.buffered ? {
    dead_letters = {
      title        = "dead letters"
      severity     = "ERROR"
      anchor       = "dead-letters"
      metric       = "num_undelivered_messages"
      subscription = google_pubsub_subscription.dead_letters[0].name
      above        = 0
      means        = "Pub/Sub no longer delivers some events, because they can never succeed (invalid or rejected), or because ${var.delivery.max_delivery_attempts} attempts failed. They are kept for ${var.delivery.retention_days} days."
      todo         = "List them with `connector dlq list`, correct the cause that `reason` names, then run `connector dlq replay` or `connector dlq purge`."
    }
    oldest_message = {
      title        = "events wait too long"
      severity     = "CRITICAL"
      anchor       = "oldest-message"
      metric       = "oldest_unacked_message_age"
      subscription = google_pubsub_subscription.push[0].name
      above        = var.alerts.oldest_message_minutes * 60
      means        = "An event has waited for more than ${var.alerts.oldest_message_minutes} minutes: it fails in each attempt, or events come faster than the limits allow."
      todo         = "Look for the alerts `many events fail` and `circuit open`. If there are none, compare the rate of events with the limits: `rate_limit` of the mapping and `function.max_instances`."
    }
  } : {}

  uptime = var.alerts.uptime_check && var.function.ingress == "ALLOW_ALL"
  uptime_alert = {
    title    = "the function does not answer"
    severity = "CRITICAL"
    anchor   = "uptime"
    means    = "For five minutes, `/health` did not answer 200 to requests from several places of the world."
    todo     = "Look at the function's newest revision and its log: if a start fails, the log says which setting or secret is missing. To go back, check out the previous revision of the code and run `terraform apply`."
  }

  documentation = {
    for key, alert in merge(
      { for name, it in local.promql_alerts : name => { means = it.means, todo = it.todo, anchor = it.anchor } },
      { for name, it in local.log_alerts : name => { means = it.means, todo = it.todo, anchor = it.anchor } },
      { for name, it in local.backlog_alerts : name => { means = it.means, todo = it.todo, anchor = it.anchor } },
      { uptime = { means = local.uptime_alert.means, todo = local.uptime_alert.todo, anchor = local.uptime_alert.anchor } },
      ) : key => join("\n\n", [
        "**What it means.** ${alert.means}",
        "**What to do.** ${alert.todo}",
        var.alerts.runbook_url == null ? "More: docs/operate.md#${alert.anchor}" : "More: [docs/operate.md#${alert.anchor}](${coalesce(var.alerts.runbook_url, "-")}#${alert.anchor})",
    ])
  }
}

resource "google_monitoring_alert_policy" "promql" {
  for_each = local.promql_alerts

  project               = var.project.id
  display_name          = "${var.name}: ${each.value.title}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = var.alerts.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title
    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    content   = local.documentation[each.key]
    mime_type = "text/markdown"
  }

  depends_on = [google_logging_metric.counter]
}

resource "google_monitoring_alert_policy" "log" {
  for_each = local.log_alerts

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
    auto_close = "1800s"
    notification_rate_limit {
      period = "900s"
    }
  }

  documentation {
    content   = local.documentation[each.key]
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "backlog" {
  for_each = local.backlog_alerts

  project               = var.project.id
  display_name          = "${var.name}: ${each.value.title}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = var.alerts.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title
    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${each.value.subscription}\" AND metric.type=\"pubsub.googleapis.com/subscription/${each.value.metric}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "60s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content   = local.documentation[each.key]
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_uptime_check_config" "health" {
  count = local.uptime ? 1 : 0

  project          = var.project.id
  display_name     = "${var.name}: /health"
  period           = "300s"
  timeout          = "30s" # a cold start is not an outage
  selected_regions = ["EUROPE", "USA", "ASIA_PACIFIC"]
  user_labels      = var.labels

  http_check {
    path         = "/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project.id
      host       = trimprefix(google_cloudfunctions2_function.this.service_config[0].uri, "https://")
    }
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  count = local.uptime ? 1 : 0

  project               = var.project.id
  display_name          = "${var.name}: ${local.uptime_alert.title}"
  severity              = local.uptime_alert.severity
  combiner              = "OR"
  notification_channels = var.alerts.channels
  user_labels           = var.labels

  conditions {
    display_name = local.uptime_alert.title
    condition_threshold {
      filter          = "resource.type=\"uptime_url\" AND metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.health[0].uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1 # number of places whose check failed
      duration        = "300s"
      aggregations {
        alignment_period     = "1200s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    content   = local.documentation["uptime"]
    mime_type = "text/markdown"
  }
}
