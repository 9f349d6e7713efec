locals {
  channels = concat(var.notify.channels, [for channel in google_monitoring_notification_channel.email : channel.name])
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.notify.emails)

  project      = var.project_id
  display_name = "Connector alerts: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [terraform_data.ready]
}

check "somebody_gets_the_alerts" {
  assert {
    condition     = length(local.channels) > 0
    error_message = "notify names nobody: no alert reaches a person, and only Google's console shows them. Give notify.emails or notify.channels."
  }
}

# Without these logs nobody can know who reads a secret. The resource is authoritative for Secret Manager:
# if the project has such a setting already, switch notify.secret_access off and add DATA_READ there.
resource "google_project_iam_audit_config" "secrets" {
  count = var.notify.secret_access ? 1 : 0

  project = var.project_id
  service = "secretmanager.googleapis.com"

  audit_log_config {
    log_type = "DATA_READ"
  }
}

resource "google_billing_budget" "project" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "NSPS connectors in ${var.project_id}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = var.budget.percents
    content {
      threshold_percent = threshold_rules.value / 100
    }
  }

  all_updates_rule {
    monitoring_notification_channels = local.channels
    disable_default_iam_recipients   = length(local.channels) > 0
  }

  depends_on = [terraform_data.ready]
}
