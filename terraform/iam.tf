# With a key of your own, Google's service agents that store the data need permission to use the key.

locals {
  agents = {
    artifact_registry = "gcp-sa-artifactregistry"
    firestore         = "gcp-sa-firestore"
    functions         = "gcf-admin-robot"
    pubsub            = "gcp-sa-pubsub"
    run               = "serverless-robot-prod"
    secret_manager    = "gcp-sa-secretmanager"
    storage           = "gs-project-accounts"
  }
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = var.kms_key == null ? {} : local.agents

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@${each.value}.iam.gserviceaccount.com"

  depends_on = [google_project_service.this]
}
