# The alerts. Each alert says what it means and what to do, and names its section of
# docs/operate.md.

locals {
  log_metric = "logging_googleapis_com:user_${local.metric_prefix}"
  selector   = "monitored_resource=\"cloud_run_revision\""
  events     = "${local.log_metric}_events"
  refused    = "${local.log_metric}_refused"
  unaccepted = "${local.log_metric}_unaccepted"
  stuck      = "${local.log_metric}_stuck"

  # Many queries have no value when all is well. Google takes this for missing data, and would keep the incident
  # open for seven days, in which it tells nobody of the next fault.
  quiet = "1800s"

  # `increase` estimates, and can be a little less than the count: half an attempt makes up for it.
  enough = ">= ${var.alerts.failed_minimum - 0.5}"

  # Events, not attempts: an event that comes ten times and is not accepted counts once.
  accepted_in_hour   = "(sum(increase(${local.events}{${local.selector},outcome=~\"${join("|", local.accepted)}\"}[1h])) or vector(0))"
  unaccepted_in_hour = "(count(sum by (event_id) (increase(${local.unaccepted}{${local.selector}}[1h])) > 0) or vector(0))"

  # Stuck events that were not yet seen as stuck in the day before. So an old one does not hide new ones.
  new_stuck = "count((sum by (event_id) (increase(${local.stuck}{${local.selector}}[1h])) > 0) unless (sum by (event_id) (increase(${local.stuck}{${local.selector}}[23h] offset 1h)) > 0))"

  # Letters of the function, which are in its log, and those of Pub/Sub after the last attempt, which are not.
  new_letters = {
    for window in ["10m", "1h"] : window =>
    "(sum(increase(${local.log_metric}_dead_letters{${local.selector}}[${window}])) or vector(0)) + (sum(increase(pubsub_googleapis_com:subscription_dead_letter_message_count{monitored_resource=\"pubsub_subscription\",subscription_id=\"${var.name}-push\"}[${window}])) or vector(0))"
  }

  # One alert for each outcome that is not accepted.
  outcome_alerts = {
    failed = {
      title    = "events fail"
      severity = "CRITICAL"
      percent  = var.alerts.failed_percent
      duration = "0s"
      because  = "the external system answered an error, or the connector itself failed. They come again."
      todo     = "Look at the newest log lines with this `outcome`: `reason`, `cause` and `calls` say what the external system answered. If it has a fault, its operator must act. If it refuses the data, the mapping must change."
    }
    unavailable = {
      title    = "events find a system unavailable"
      severity = "CRITICAL"
      percent  = var.alerts.failed_percent
      duration = "0s"
      because  = "the external system or the ledger did not answer. They come again."
      todo     = "Read `cause` of the newest log lines with this `outcome`. Check that the external system is up and that its firewall admits the connector's address. If `reason` is `The ledger cannot be reached`, look at Firestore."
    }
    throttled = {
      title    = "events are throttled for long"
      severity = "WARNING"
      percent  = max(50, var.alerts.failed_percent)
      duration = "900s"
      because  = "a limit of the external system or of the mapping was reached, and for 15 minutes most of them were not accepted when they came again."
      todo     = "Read `cause`: it says whose limit it is. After a burst, wait. Otherwise compare the rate of events with `rate_limit` of the mapping and `function.max_instances`, and ask the operator of the external system for a higher limit."
    }
    invalid = {
      title    = "events are invalid"
      severity = "ERROR"
      percent  = var.alerts.failed_percent
      duration = "0s"
      because  = "a field is missing or wrong. They come again, but they cannot succeed as they are."
      todo     = "Read `details` of the newest log lines with this `outcome`. If a rule says to add something to the required data of the NSPS handler, do that. If it names a field of the account or SIM, correct it in PortaBilling."
    }
    rejected = {
      title    = "the external system rejects events"
      severity = "ERROR"
      percent  = var.alerts.failed_percent
      duration = "0s"
      because  = "the external system says that their data is wrong. They cannot succeed as they are."
      todo     = "Read `reason` of the newest log lines with this `outcome`, correct the data in PortaBilling and replay the events."
    }
    unknown_resource = {
      title    = "the external system does not know the subscribers"
      severity = "ERROR"
      percent  = var.alerts.failed_percent
      duration = "0s"
      because  = "the external system answered that it does not have what the event is about. They come again."
      todo     = "If all events end so, check the URL of the external system. Otherwise find the event that should have created the subscriber, and correct its cause first."
    }
  }

  # Alerts on our own log-based metrics. They are in PromQL, because only PromQL conditions can switch
  # off Google's check that the metric exists. A new metric is not found for up to ten minutes
  # (terraform-provider-google issue 11102).
  promql_alerts = merge(
    {
      for outcome, it in local.outcome_alerts : "outcome_${outcome}" => {
        title    = it.title
        severity = it.severity
        anchor   = "outcome-${replace(outcome, "_", "-")}"
        query    = "count(sum by (event_id) (increase(${local.unaccepted}{${local.selector},outcome=\"${outcome}\"}[1h])) > 0) / (${local.unaccepted_in_hour} + ${local.accepted_in_hour}) > ${it.percent / 100} and sum(increase(${local.unaccepted}{${local.selector},outcome=\"${outcome}\"}[1h])) ${local.enough}"
        duration = it.duration
        means    = "More than ${it.percent} % of the events of the last hour ended `${outcome}` in at least ${var.alerts.failed_minimum} attempts: ${it.because}"
        todo     = it.todo
      }
    },
    {
      stuck_events = {
        title    = "an event is stuck"
        severity = "ERROR"
        anchor   = "stuck-events"
        query    = "${local.new_stuck} > 0"
        duration = "0s"
        means    = "NSPS got an event more than ${var.alerts.stuck_hours} hours ago, it came again, and it is still not accepted. The external system may still hold the subscriber's old state. The chart of the incident shows how many events became stuck in the last hour, each counted once."
        todo     = "List them with `connector wrong --since 1d`, or with the filter `jsonPayload.age_seconds>${var.alerts.stuck_hours * 3600} AND severity>=WARNING`, and correct the cause that `reason` or `details` names. The events then succeed when they come again."
      }
      many_stuck_events = {
        title    = "many events are stuck"
        severity = "CRITICAL"
        anchor   = "stuck-events"
        query    = "${local.new_stuck} >= ${var.alerts.many}"
        duration = "0s"
        means    = "At least ${var.alerts.many} events became stuck in the last hour: NSPS got them more than ${var.alerts.stuck_hours} hours ago, and they are still not accepted."
        todo     = "Many events usually have one cause: `connector wrong --since 1d` groups them by reason."
      }
      refused_events = {
        title    = "events cannot be read or stored"
        severity = "ERROR"
        anchor   = "refused-events"
        query    = "sum(increase(${local.log_metric}_refused_events{${local.selector}}[1h])) ${local.enough}"
        duration = "0s"
        means    = "In the last hour at least ${var.alerts.failed_minimum} requests with the right token were refused before the connector could read an event: the body is no event, it is larger than `MAX_BODY_BYTES`, or Pub/Sub did not store it."
        todo     = "Read `details` and `cause` of the newest log lines `request refused` and `message unreadable`, and of those `event settled` without an `event_id`."
      }
      only_refusals = {
        title    = "all requests are refused"
        severity = "ERROR"
        anchor   = "only-refusals"
        query    = "sum(increase(${local.log_metric}_refused_posts{${local.selector}}[1h])) ${local.enough} unless sum(increase(${local.events}{${local.selector}}[1h])) > 0"
        duration = "0s"
        means    = "In the last hour at least ${var.alerts.failed_minimum} requests were refused, and no event was read: NSPS may have a wrong token."
        todo     = "Read `outcome` of the newest log lines `request refused`. For `unauthorized`, compare the token of NSPS's handler with the secret API_TOKEN; for `too_large`, reduce the required data of the handler."
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
      ledger_errors = {
        title    = "the ledger cannot be reached"
        severity = "CRITICAL"
        anchor   = "ledger-errors"
        query    = "sum(increase(${local.log_metric}_ledger_errors{${local.selector}}[1h])) ${local.enough}"
        duration = "0s"
        means    = "At least ${var.alerts.failed_minimum} events of the last hour found no ledger. Without its ledger the connector applies nothing; the events come again."
        todo     = "Read `cause` of the newest log lines. Check that the Firestore database `${var.name}` exists, that the account `${var.name}-runtime` may use it, and that no quota is used up."
      }
      slow_events = {
        title    = "events take long"
        severity = "WARNING"
        anchor   = "slow-events"
        query    = "histogram_quantile(0.99, sum by (le) (increase(${local.log_metric}_latency_bucket{${local.selector},outcome=\"applied\"}[1h]))) > ${var.alerts.latency_seconds * 1000} and sum(increase(${local.log_metric}_latency_count{${local.selector},outcome=\"applied\"}[1h])) ${local.enough}"
        duration = "0s"
        means    = "One of 100 applied events of the last hour took longer than ${var.alerts.latency_seconds} s. Events that take longer than ${var.function.event_budget_seconds} s fail."
        todo     = "Compare `milliseconds` of the records with those of their `calls`: the difference is the wait for a turn under `rate_limit` or `concurrency`, or for another event of the subscriber. Otherwise the external system is slow."
      }
      platform_errors = {
        title    = "Cloud Run answers 5xx itself"
        severity = "CRITICAL"
        anchor   = "platform-errors"
        query    = "sum(increase(${local.log_metric}_platform_errors{${local.selector}}[1h])) ${local.enough}"
        duration = "0s"
        means    = "Cloud Run answered at least ${var.alerts.failed_minimum} requests of the last hour with 5xx in place of the function: an instance ended, did not start, or took too long. These requests have no record of the connector."
        todo     = "Read the text of the newest lines of the log `run.googleapis.com/requests` that have one, and look for the alerts `out of memory` and `the connector cannot start`."
      }
      no_instance = {
        title    = "no instance is free"
        severity = "ERROR"
        anchor   = "no-instance"
        query    = "sum(increase(${local.log_metric}_no_instance{${local.selector}}[1h])) ${local.enough}"
        duration = "0s"
        means    = "Cloud Run answered at least ${var.alerts.failed_minimum} requests of the last hour with 429 in place of the function: all ${var.function.max_instances} instances were busy. The events come again."
        todo     = "If events take long, find out why (alert `events take long`). Otherwise raise `function.max_instances` or `function.concurrency` as far as the external system's limits allow."
      }
    },
    var.alerts.no_traffic_hours == 0 ? {} : {
      no_traffic = {
        title    = "no event for hours"
        severity = "WARNING"
        anchor   = "no-traffic"
        query    = "(sum(increase(${local.events}{${local.selector}}[${max(1, var.alerts.no_traffic_hours)}h])) or vector(0)) < 1"
        duration = "300s"
        means    = "No event was settled in ${var.alerts.no_traffic_hours} hours."
        todo     = "In NSPS, check that the handler is enabled, that event processing is not paused, and that the handler's URL is the output `url`. Then send a test event with the output `invoke_command`."
      }
    },
    local.buffered ? {
      dead_letters = {
        title    = "new dead letters"
        severity = "ERROR"
        anchor   = "dead-letters"
        query    = "${local.new_letters["10m"]} > 0"
        duration = "0s"
        means    = "Pub/Sub no longer delivers one or more events: they can never succeed (invalid or rejected), or ${var.delivery.max_delivery_attempts} attempts failed. They are kept for ${var.delivery.retention_days} days. The alert ends ten minutes after the last new letter, whether or not letters are left."
        todo     = "List them with `connector dlq list`, correct the cause that `reason` names, then run `connector dlq replay` or `connector dlq purge`."
      }
      many_dead_letters = {
        title    = "many new dead letters"
        severity = "CRITICAL"
        anchor   = "dead-letters"
        query    = "${local.new_letters["1h"]} >= ${var.alerts.many - 0.5}"
        duration = "0s"
        means    = "At least ${var.alerts.many} events became dead letters in the last hour. They usually have one cause."
        todo     = "List them with `connector dlq list`. If the cause is not yet corrected, pause event processing in NSPS until it is."
      }
    } : {},
    local.slo_alerts,
  )

  # Alerts on single log lines, for rare cases that an operator must know at once. `every` is the least
  # time between two messages.
  log_alerts = merge(
    {
      circuit_open = {
        title    = "circuit open"
        severity = "CRITICAL"
        anchor   = "circuit-open"
        filter   = "${local.service_filter} AND jsonPayload.circuit=\"open\""
        every    = "900s"
        means    = "Several calls in a row found the external system unavailable. An instance stopped calling it and tries one call every few seconds. Events are answered 503 and come again."
        todo     = "Check that the external system is up, and that its firewall still admits the connector's address. The circuit closes by itself; the log then says `circuit closed`."
      }
      fails_every_call = {
        title    = "the external system fails every call"
        severity = "CRITICAL"
        anchor   = "fails-every-call"
        filter   = "${local.service_filter} AND jsonPayload.failing=\"open\""
        every    = "900s"
        means    = "The external system answers, but 20 calls in a row ended `failed`. The circuit stays closed, because it counts only silence. Events are answered 500 and come again."
        todo     = "Read `reason` and `calls` of the newest log lines with `outcome` failed, and inform the operator of the external system. When a call succeeds, the log says `external system answers again`."
      }
      refused_credentials = {
        title    = "the external system refuses the connector's credentials"
        severity = "CRITICAL"
        anchor   = "refused-credentials"
        filter   = "${local.settled_filter} AND jsonPayload.outcome=\"failed\" AND jsonPayload.reason=~\"^API Core refused the connector's credentials\""
        every    = "900s"
        means    = "The external system answered 401 or 403 to the connector's own credentials. No event can be applied; all events come again."
        todo     = "Add the right credentials as a new version of the secret that the mapping names (output `secrets`). The function reads the new version without a restart."
      }
      blast_guard = {
        title    = "the blast guard has stopped events"
        severity = "CRITICAL"
        anchor   = "the-blast-guard"
        filter   = "${local.service_filter} AND jsonPayload.blast=\"stopped\""
        every    = "900s"
        means    = "More events than `function.blast_limit` (${coalesce(var.function.blast_limit, "not set")}) took service from subscribers. The next ones are answered 503 and come again; nothing more is taken away."
        todo     = "Find out why so many subscribers are released, barred or removed. If it is meant, allow it with `connector blast-guard allow`. If not, pause event processing in NSPS and correct the cause in PortaBilling."
      }
      cannot_start = {
        title    = "the connector cannot start"
        severity = "CRITICAL"
        anchor   = "cannot-start"
        filter   = "${local.service_filter} AND (jsonPayload.message=\"the connector cannot start\" OR (log_id(\"run.googleapis.com/varlog/system\") AND textPayload:\"The instance was not started\"))"
        every    = "3600s"
        means    = "A new instance ended at its start. Running instances go on, but no further one can start, and after a while there is none."
        todo     = "Read `problems` of the log line: it names the setting, the secret or the line of the mapping file that is wrong. A secret that was disabled by mistake is the usual cause outside of a deployment."
      }
      out_of_memory = {
        title    = "out of memory"
        severity = "ERROR"
        anchor   = "out-of-memory"
        filter   = "${local.service_filter} AND textPayload=~\"Memory limit of .* exceeded|using too much memory and was terminated\""
        every    = "3600s"
        means    = "An instance needed more than ${var.function.memory} and Google ended it. The events that it was applying come again; their claims in the ledger end after the event's budget and 30 s more."
        todo     = "Raise `function.memory`, or lower `function.concurrency`. If the memory of an instance grows for days, report it: this is a defect of the connector."
      }
      failed_rollout = {
        title    = "a deployment failed"
        severity = "CRITICAL"
        anchor   = "failed-rollout"
        filter   = "severity>=ERROR AND ((${local.service_filter} AND log_id(\"cloudaudit.googleapis.com/system_event\")) OR (resource.type=\"cloud_function\" AND resource.labels.function_name=\"${var.name}\" AND resource.labels.region=\"${var.region}\" AND log_id(\"cloudaudit.googleapis.com/activity\") AND protoPayload.methodName=~\"(Create|Update)Function$\"))"
        every    = "900s"
        means    = "A new revision was not built or is not ready. The revision before goes on serving, so the code that runs is not the code that was deployed."
        todo     = "Read `protoPayload.status.message` of the log line, and the log of the new revision. Compare the running code with the plan: `/health` answers the hash of its source."
      }
    },
    var.alerts.secret_access ? {
      secret_access = {
        title    = "somebody else read a secret"
        severity = "WARNING"
        anchor   = "secret-access"
        filter   = "log_id(\"cloudaudit.googleapis.com/data_access\") AND protoPayload.serviceName=\"secretmanager.googleapis.com\" AND protoPayload.methodName=~\"AccessSecretVersion$\" AND protoPayload.resourceName=~\"/secrets/${local.secret_prefix}(${join("|", local.secret_names)})/versions/\" AND NOT protoPayload.authenticationInfo.principalEmail=(\"${join("\" OR \"", local.secret_readers)}\")"
        every    = "900s"
        means    = "An account that is neither the function's nor a known reader read a secret of this connector, or tried to."
        todo     = "`protoPayload.authenticationInfo.principalEmail` of the log line says who. If it was not a colleague with a reason, replace the tokens (docs/operate.md#rotating-tokens) and find out how that account got the permission. If it reads by right, add it to `alerts.secret_readers`."
      }
    } : {},
  )

  # A member that is a group cannot be recognised in the log: its people must be in `secret_readers`.
  smoke_test_readers = [for member in var.secrets.smoke_test_reader[*] : split(":", member)[1] if !startswith(member, "group:")]
  # The plan knows the parts of this address; it does not know the account's attribute `email`.
  secret_readers = concat(["${var.name}-runtime@${var.project.id}.iam.gserviceaccount.com"], local.smoke_test_readers, var.alerts.secret_readers)

  backlog_alerts = local.buffered ? {
    letters_expire = {
      title        = "dead letters expire soon"
      severity     = "CRITICAL"
      anchor       = "letters-expire"
      metric       = "oldest_unacked_message_age"
      subscription = google_pubsub_subscription.dead_letters[0].name
      above        = max(var.delivery.retention_days - var.alerts.letters_expire_days, var.delivery.retention_days / 2) * 86400
      means        = "The oldest dead letter has waited for almost ${var.delivery.retention_days} days. Then Pub/Sub deletes it, and the event is lost."
      todo         = "Run `connector dlq list`, then `connector dlq replay` or `connector dlq purge`. A replay keeps the event even if it fails again: it becomes a new letter."
    }
    oldest_message = {
      title        = "events wait too long"
      severity     = "CRITICAL"
      anchor       = "oldest-message"
      metric       = "oldest_unacked_message_age"
      subscription = google_pubsub_subscription.push[0].name
      above        = var.alerts.oldest_message_minutes * 60
      means        = "An event has waited for more than ${var.alerts.oldest_message_minutes} minutes: it fails in each attempt, or events come faster than the limits allow."
      todo         = "Look for the other alerts of this connector. If there are none, compare the rate of events with the limits: `rate_limit` of the mapping and `function.max_instances`."
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
      { for name, it in local.audit_alerts : name => { means = it.means, todo = it.todo, anchor = it.anchor } },
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

  alert_strategy {
    auto_close = local.quiet
  }

  documentation {
    content   = local.documentation[each.key]
    mime_type = "text/markdown"
  }

  depends_on = [google_logging_metric.counter, google_logging_metric.event, google_logging_metric.distribution]
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
      period = each.value.every
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

  alert_strategy {
    auto_close = local.quiet
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

  alert_strategy {
    auto_close = local.quiet
  }

  documentation {
    content   = local.documentation["uptime"]
    mime_type = "text/markdown"
  }
}
