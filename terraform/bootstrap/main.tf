# The accounts of a CI: `nsps-plan` may only read, `nsps-deploy` may deploy. An owner of the project applies this
# once, by hand. The root does not contain it, so that no deployment can give itself more roles here.

locals {
  roles = {
    plan = [
      "iam.securityReviewer",
      "logging.logWriter",
      "serviceusage.serviceUsageConsumer",
      "viewer",
    ]
    deploy = concat(
      [
        "artifactregistry.admin",
        "cloudfunctions.admin",
        "datastore.owner",
        "iam.serviceAccountAdmin",
        "iam.serviceAccountUser",
        "logging.configWriter",
        "logging.logWriter",
        "logging.viewer", # the smoke test looks for the record of the test event
        "monitoring.admin",
        "pubsub.admin",
        "resourcemanager.projectIamAdmin",
        "run.admin",
        "secretmanager.admin",
        "serviceusage.serviceUsageAdmin",
        "storage.admin",
      ],
      contains(var.options, "egress") ? ["compute.networkAdmin"] : [],
      contains(var.options, "edge") ? ["compute.loadBalancerAdmin", "compute.securityAdmin"] : [],
      contains(var.options, "audit") ? ["cloudscheduler.admin"] : [],
    )
  }
  grants = merge([
    for account, roles in local.roles : { for role in roles : "${account} ${role}" => { account = account, role = role } }
  ]...)
}

resource "google_project_service" "this" {
  for_each = toset(["iam.googleapis.com", "iamcredentials.googleapis.com", "sts.googleapis.com"])

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}

resource "google_service_account" "this" {
  for_each = { plan = "reads the project to plan a deployment", deploy = "deploys the connectors" }

  project      = var.project_id
  account_id   = "nsps-${each.key}"
  display_name = "NSPS connectors: ${each.value}"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "this" {
  #checkov:skip=CKV_GCP_41:The deployer must run functions as accounts that do not exist yet, so this role is of the project.
  #checkov:skip=CKV_GCP_49:The deployer makes accounts and grants them roles; README.md says how powerful it is.
  #checkov:skip=CKV_GCP_117:A plan reads everything that Terraform manages.
  for_each = local.grants

  project = var.project_id
  role    = "roles/${each.value.role}"
  member  = google_service_account.this[each.value.account].member
}

# `nsps-deploy` has this permission from its role of the project.
resource "google_storage_bucket_iam_member" "plan_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.this["plan"].member
}
