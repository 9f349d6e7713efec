# Each actor has its own account, with only the permissions that it needs. The function's log needs
# no permission: the platform reads it from the standard output.

resource "google_service_account" "runtime" {
  project      = var.project.id
  account_id   = "${var.name}-runtime"
  display_name = "Connector ${var.name}: the function"
}

resource "google_service_account" "build" {
  project      = var.project.id
  account_id   = "${var.name}-build"
  display_name = "Connector ${var.name}: builds the function's image"
}

# This account has no role. Pub/Sub signs its requests with the account's name, and the function
# checks the signature.
resource "google_service_account" "push" {
  count = local.buffered ? 1 : 0

  project      = var.project.id
  account_id   = "${var.name}-push"
  display_name = "Connector ${var.name}: signs the push requests of Pub/Sub"
}

# --- who may call the function

# NSPS has a token and no Google identity, so Google must let every caller reach the function. The
# function refuses a caller without the token before it reads the body.
# Where `allUsers` is forbidden, `function.invokers` names others, or nobody. Pub/Sub then needs the
# permission, too.
locals {
  invokers = toset(concat(
    var.function.invokers,
    local.buffered && !contains(var.function.invokers, "allUsers") ? ["serviceAccount:${local.push_email}"] : [],
  ))
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = local.invokers

  project  = var.project.id
  location = google_cloudfunctions2_function.this.location
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = each.key

  lifecycle {
    # A function that is made anew has a service without these members.
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }

  depends_on = [google_service_account.push]
}

moved {
  from = google_cloud_run_v2_service_iam_member.public
  to   = google_cloud_run_v2_service_iam_member.invoker["allUsers"]
}

# --- what the function may do

resource "google_secret_manager_secret_iam_member" "runtime" {
  for_each = google_secret_manager_secret.this

  project   = var.project.id
  secret_id = each.value.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.runtime.member
}

# The function reads the two newest enabled versions. The role of an accessor cannot list versions; the
# role of a viewer can, but cannot read their values.
resource "google_secret_manager_secret_iam_member" "runtime_versions" {
  for_each = google_secret_manager_secret.this

  project   = var.project.id
  secret_id = each.value.secret_id
  role      = "roles/secretmanager.viewer"
  member    = google_service_account.runtime.member
}

# A Firestore database has no IAM policy of its own. A condition in the project's policy has the same
# effect.
resource "google_project_iam_member" "runtime_ledger" {
  project = var.project.id
  role    = "roles/datastore.user"
  member  = google_service_account.runtime.member

  condition {
    title       = "${var.name}-ledger"
    description = "Only the database of this connector's ledger"
    expression  = "resource.name == \"projects/${var.project.id}/databases/${google_firestore_database.ledger.name}\""
  }
}

resource "google_pubsub_topic_iam_member" "runtime" {
  for_each = local.buffered ? { events = google_pubsub_topic.events[0].name, dead_letters = google_pubsub_topic.dead_letters[0].name } : {}

  project = var.project.id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member
}

# --- what Pub/Sub itself may do

locals {
  pubsub_agent = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Without these two grants no event becomes a dead letter, and Google reports no error.
resource "google_pubsub_topic_iam_member" "agent_dead_letters" {
  count = local.buffered ? 1 : 0

  project = var.project.id
  topic   = google_pubsub_topic.dead_letters[0].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_push" {
  count = local.buffered ? 1 : 0

  project      = var.project.id
  subscription = google_pubsub_subscription.push[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# In projects older than April 2021, Pub/Sub needs this permission to sign with the account.
resource "google_service_account_iam_member" "agent_sign" {
  count = local.buffered ? 1 : 0

  service_account_id = google_service_account.push[0].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

# --- what the build may do (Google's list for a build account, limited to the resources of this module)

resource "google_project_iam_member" "build_logs" {
  project = var.project.id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build" {
  project    = var.project.id
  location   = var.region
  repository = google_artifact_registry_repository.image.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

# Cloud Functions copies the source to its own bucket, named as below, and builds from there.
resource "google_project_iam_member" "build_source" {
  project = var.project.id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title       = "${var.name}-build-source"
    description = "Only the bucket from which Cloud Functions builds"
    expression  = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${var.project.number}-${var.region}\")"
  }
}

# --- until the permissions are in force

# Google needs up to some minutes until a new permission is in force everywhere. The first build and the
# first start would fail. This waits only if a permission is new.
resource "terraform_data" "grants" {
  triggers_replace = sort(concat(
    [
      google_project_iam_member.runtime_ledger.id,
      google_project_iam_member.build_logs.id,
      google_project_iam_member.build_source.id,
      google_artifact_registry_repository_iam_member.build.id,
    ],
    values(google_secret_manager_secret_iam_member.runtime)[*].id,
    values(google_secret_manager_secret_iam_member.runtime_versions)[*].id,
    values(google_pubsub_topic_iam_member.runtime)[*].id,
    values(google_storage_bucket_iam_member.agent_archive)[*].id,
    google_pubsub_topic_iam_member.agent_dead_letters[*].id,
    google_service_account_iam_member.agent_sign[*].id,
  ))

  provisioner "local-exec" {
    command = "sleep ${var.grants_wait_seconds}"
  }
}

# --- who else may read the token

resource "google_secret_manager_secret_iam_member" "smoke_test" {
  count = var.secrets.smoke_test_reader == null ? 0 : 1

  project   = var.project.id
  secret_id = google_secret_manager_secret.this["API_TOKEN"].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = var.secrets.smoke_test_reader
}
