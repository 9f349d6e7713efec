locals {
  services = concat(
    [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "firestore.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    anytrue([for connector in values(var.connectors) : connector.audit != null]) ? ["cloudscheduler.googleapis.com"] : [],
    var.egress == null && var.edge == null ? [] : ["compute.googleapis.com"],
    var.kms_key == null ? [] : ["cloudkms.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
  )
}

# The APIs stay enabled after a destroy, because other parts of the project may use them.
resource "google_project_service" "this" {
  for_each = toset(local.services)

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}
