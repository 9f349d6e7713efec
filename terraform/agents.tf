# Google's service agents. An agent exists only when its service was used, or when it is asked for. Before
# that, a grant to it fails: that of Pub/Sub for dead letters, and those for a key of your own.

locals {
  pubsub_agent = { pubsub = "gcp-sa-pubsub" }
  key_agents = {
    artifactregistry = "gcp-sa-artifactregistry"
    cloudfunctions   = "gcf-admin-robot"
    firestore        = "gcp-sa-firestore"
    run              = "serverless-robot-prod"
    secretmanager    = "gcp-sa-secretmanager"
  }
  agents = merge(local.pubsub_agent, var.kms_key == null ? {} : local.key_agents)
}

# Only the provider google-beta has this resource.
resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = local.agents

  project = var.project_id
  service = "${each.key}.googleapis.com"

  depends_on = [google_project_service.this]
}

# Reading this makes the agent of Cloud Storage.
data "google_storage_project_service_account" "this" {
  count   = var.kms_key == null ? 0 : 1
  project = var.project_id
}

# With a key of your own, the agents that store the data need permission to use the key.
resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = var.kms_key == null ? {} : merge(local.agents, { storage = "gs-project-accounts" })

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@${each.value}.iam.gserviceaccount.com"

  depends_on = [google_project_service_identity.agent, data.google_storage_project_service_account.this]
}

# Google needs some time until an API that was just enabled answers, and until an agent may use the key. The first
# resources that need them would fail. This waits only if one of them is new.
resource "terraform_data" "ready" {
  triggers_replace = concat(
    sort(values(google_project_service.this)[*].id),
    sort(values(google_project_service_identity.agent)[*].id),
    sort(values(google_kms_crypto_key_iam_member.agent)[*].id),
  )

  provisioner "local-exec" {
    command = "sleep ${var.grants_wait_seconds}"
  }
}
