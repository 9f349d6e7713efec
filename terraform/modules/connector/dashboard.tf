locals {
  service_selector = "monitored_resource=\"cloud_run_revision\",service_name=\"${var.name}\""

  charts = concat(
    [
      {
        title = "Events by outcome, per minute"
        lines = { "{{outcome}}" = "sum by (outcome) (rate(${local.events}{${local.selector}}[5m])) * 60" }
      },
      {
        title = "Events that are not accepted, by outcome: each counted once in an hour"
        lines = { "{{outcome}}" = "count by (outcome) (sum by (outcome, event_id) (increase(${local.unaccepted}{${local.selector}}[1h])) > 0)" }
      },
      {
        title = "Stuck events, by outcome: each counted once in a day"
        lines = { "{{outcome}}" = "count by (outcome) (sum by (outcome, event_id) (increase(${local.stuck}{${local.selector}}[1d])) > 0)" }
      },
      {
        title = "Share of new events that are accepted (the SLO), in an hour"
        lines = { "accepted" = "sum(increase(${local.log_metric}_fresh{${local.selector},outcome=~\"${join("|", local.accepted)}\"}[1h])) / sum(increase(${local.log_metric}_fresh{${local.selector}}[1h]))" }
      },
      {
        title = "Faults around the events, per minute"
        lines = {
          for name, what in {
            refused_events  = "events that cannot be read or stored"
            refused_posts   = "refused POST requests"
            ledger_errors   = "ledger cannot be reached"
            platform_errors = "Cloud Run's own 5xx"
            no_instance     = "Cloud Run's own 429"
          } : what => "sum(rate(${local.log_metric}_${name}{${local.selector}}[5m])) * 60"
        }
      },
      {
        title = "Refused requests by outcome, per minute"
        lines = { "{{outcome}}" = "sum by (outcome) (rate(${local.refused}{${local.selector}}[5m])) * 60" }
      },
      {
        title = "Snapshots from the future, per minute"
        lines = { "{{connector}}" = "sum by (connector) (rate(${local.log_metric}_future_snapshots{${local.selector}}[5m])) * 60" }
      },
      {
        title = "Time that an event takes, ms"
        lines = {
          for share in ["0.5", "0.95", "0.99"] :
          "p${share * 100}" => "histogram_quantile(${share}, sum by (le) (rate(${local.log_metric}_latency_bucket{${local.selector}}[5m])))"
        }
      },
      {
        title = "Age of the snapshot when applied, s"
        lines = {
          for share in ["0.5", "0.95"] :
          "p${share * 100}" => "histogram_quantile(${share}, sum by (le) (rate(${local.log_metric}_snapshot_age_bucket{${local.selector}}[5m])))"
        }
      },
      {
        title = "Instances"
        lines = { "{{state}}" = "sum by (state) (run_googleapis_com:container_instance_count{${local.service_selector}})" }
      },
      {
        title = "Requests by status class, per minute"
        lines = { "{{response_code_class}}" = "sum by (response_code_class) (rate(run_googleapis_com:request_count{${local.service_selector}}[5m])) * 60" }
      },
    ],
    local.buffered ? [
      {
        title = "Events and dead letters that wait"
        lines = { "{{subscription_id}}" = "sum by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=~\"${var.name}-(push|dead-letters)\"})" }
      },
      {
        title = "New dead letters, per hour"
        lines = {
          "of the function" = "sum(increase(${local.log_metric}_dead_letters{${local.selector}}[1h]))"
          "of Pub/Sub"      = "sum(increase(pubsub_googleapis_com:subscription_dead_letter_message_count{monitored_resource=\"pubsub_subscription\",subscription_id=\"${var.name}-push\"}[1h]))"
        }
      },
      {
        title = "Oldest event that waits, s"
        lines = { "{{subscription_id}}" = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=\"${var.name}-push\"})" }
      },
    ] : [],
  )
}

resource "google_monitoring_dashboard" "this" {
  project = var.project.id
  dashboard_json = jsonencode({
    displayName = "Connector ${var.name}"
    mosaicLayout = {
      columns = 48
      tiles = [
        for index, chart in local.charts : {
          xPos   = index % 2 * 24
          yPos   = floor(index / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [
                for legend, query in chart.lines : {
                  plotType       = "LINE"
                  targetAxis     = "Y1"
                  legendTemplate = legend
                  timeSeriesQuery = {
                    prometheusQuery = query
                  }
                }
              ]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.event, google_logging_metric.distribution]
}
