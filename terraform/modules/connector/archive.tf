# The archive of dead letters: a second subscription writes a copy of each to a bucket. It outlives the 31
# days of Pub/Sub, and it remains when a dead letter is replayed or purged. The files hold personal data.

locals {
  archive = local.buffered ? var.delivery.archive_days[*] : []
}

resource "google_storage_bucket" "archive" {
  #checkov:skip=CKV_GCP_62:Only Pub/Sub writes here; Cloud Audit Logs can record who reads.
  #checkov:skip=CKV_GCP_78:The retention policy already forbids to overwrite or delete an object.
  count = length(local.archive)

  project                     = var.project.id
  name                        = "${var.project.id}-${var.name}-dead-letters"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.labels

  retention_policy {
    retention_period = local.archive[0] * 86400
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = local.archive[0]
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# The two roles that Pub/Sub needs to write files to a bucket.
resource "google_storage_bucket_iam_member" "agent_archive" {
  for_each = length(local.archive) == 0 ? [] : toset(["roles/storage.legacyBucketReader", "roles/storage.objectCreator"])

  bucket = google_storage_bucket.archive[0].name
  role   = each.key
  member = local.pubsub_agent
}

resource "google_pubsub_subscription" "archive" {
  count = length(local.archive)

  project                    = var.project.id
  name                       = "${var.name}-dead-letter-archive"
  topic                      = google_pubsub_topic.dead_letters[0].id
  message_retention_duration = local.retention
  labels                     = var.labels

  cloud_storage_config {
    bucket          = google_storage_bucket.archive[0].name
    filename_suffix = ".avro"
    max_duration    = "300s"
    avro_config {
      write_metadata = true # the attributes: outcome, reason, event_id
    }
  }

  expiration_policy {
    ttl = ""
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [terraform_data.grants]
}
