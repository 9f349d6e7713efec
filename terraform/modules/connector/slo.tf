# The service level objective: the share of events that are accepted when they are new.
#
# Total are the attempts in the first two minutes of an event's life (metric `fresh`); bad are those of them
# that were not accepted. NSPS repeats an event after a minute at the earliest, so an event counts once or
# twice, however often it comes again later. What stays unaccepted is the business of the alert `an event is stuck`.
#
# The burn rate is PromQL, and not Google's resource of an SLO: Google refuses an SLO whose metric is not yet known, and a
# new metric is not known for up to ten minutes. So the first apply would fail.

locals {
  slo       = var.alerts.slo > 0
  fresh     = "${local.log_metric}_fresh{${local.selector}}"
  fresh_bad = "${local.log_metric}_fresh{${local.selector},outcome!~\"${join("|", local.accepted)}\"}"

  # How many times faster than allowed the budget is used up.
  burn = {
    for window in ["5m", "30m", "1h", "6h", "28d"] : window =>
    "sum(increase(${local.fresh_bad}[${window}])) / sum(increase(${local.fresh}[${window}])) / ${format("%.6g", 1 - var.alerts.slo)}"
    if local.slo
  }

  # Each alert needs the burn rate in a long window, so that one failure is no alert, and in a short one, so
  # that the alert ends when the fault ends. With few events one failure is a high rate, so a least number
  # of failures is needed, too: fewer are the business of the alerts on outcomes.
  slo_alerts = {
    for name, it in {
      slo_fast = {
        title    = "the error budget is used up fast"
        severity = "CRITICAL"
        anchor   = "slo-fast"
        rate     = 14.4
        long     = "1h"
        short    = "5m"
        means    = "In the last hour so many new events were not accepted that the error budget of 28 days (${format("%.4g", (1 - var.alerts.slo) * 100)} % of all events) would be used up in two days."
        todo     = "Look for the alerts on single outcomes, which name the cause, and at the chart `Events by outcome`."
      }
      slo_slow = {
        title    = "the error budget is used up"
        severity = "ERROR"
        anchor   = "slo-slow"
        rate     = 6
        long     = "6h"
        short    = "30m"
        means    = "In the last six hours so many new events were not accepted that the error budget of 28 days (${format("%.4g", (1 - var.alerts.slo) * 100)} % of all events) would be used up in less than five days."
        todo     = "Count the records of the last six hours by `outcome` and `reason`. Often a few subscribers or one product fail all the time: correct their data or the mapping."
      }
      } : name => {
      title    = it.title
      severity = it.severity
      anchor   = it.anchor
      query    = "${local.burn[it.long]} > ${it.rate} and ${local.burn[it.short]} > ${it.rate} and sum(increase(${local.fresh_bad}[${it.long}])) >= ${var.alerts.many - 0.5}"
      duration = "0s"
      means    = it.means
      todo     = it.todo
    } if local.slo
  }
}
