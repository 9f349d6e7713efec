# Workload Identity Federation: the CI shows a token of its own issuer, and Google gives it one of the accounts
# for an hour. There is no key file that could be stolen.

locals {
  subjects = var.federation == null ? {} : merge(
    { for subject in var.federation.plan_subjects : "plan ${subject}" => { account = "plan", subject = subject } },
    { for subject in var.federation.deploy_subjects : "deploy ${subject}" => { account = "deploy", subject = subject } },
  )
}

resource "google_iam_workload_identity_pool" "ci" {
  count = var.federation == null ? 0 : 1

  project                   = var.project_id
  workload_identity_pool_id = "nsps-ci"
  display_name              = "CI of the NSPS connectors"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "ci" {
  count = var.federation == null ? 0 : 1

  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "ci"
  attribute_condition                = var.federation.condition
  attribute_mapping                  = { "google.subject" = "assertion.sub" }

  oidc {
    issuer_uri = var.federation.issuer
  }
}

resource "google_service_account_iam_member" "ci" {
  for_each = local.subjects

  service_account_id = google_service_account.this[each.value.account].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.ci[0].name}/subject/${each.value.subject}"
}
