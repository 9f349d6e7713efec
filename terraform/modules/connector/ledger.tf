resource "google_firestore_database" "ledger" {
  project                           = var.project.id
  name                              = var.name
  location_id                       = coalesce(var.ledger.location, var.region)
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = var.ledger.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.ledger.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # With DELETE, `terraform destroy` deletes the database, and fails while the database is protected.
  # With ABANDON it would only remove the database from the state.
  deletion_policy = "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = cmek_config.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# A backup is a copy of the whole database. docs/recovery.md says what restoring an old one means.
resource "google_firestore_backup_schedule" "ledger" {
  count = var.ledger.backup_days == 0 ? 0 : 1

  project   = var.project.id
  database  = google_firestore_database.ledger.name
  retention = "${var.ledger.backup_days * 86400}s"

  daily_recurrence {}
}

# The ledger reads documents only by name, so no field needs an index. An index on times that only
# grow would limit a collection to about 500 writes a second. Firestore deletes a document at its
# `expires`, which the ledger sets.
locals {
  ledger_documents = {
    nsps_events   = ["expires", "lease_until", "leased_for", "owner", "snapshot", "token"]
    nsps_subjects = ["expires", "lease_until", "leased_for", "owner", "snapshot", "token"]
    nsps_kept     = ["expires", "state"]
    nsps_notes    = ["expires", "text", "value"]
  }
  ledger_fields = merge([
    for collection, fields in local.ledger_documents : {
      for field in fields : "${collection}.${field}" => { collection = collection, field = field }
    }
  ]...)
}

resource "google_firestore_field" "ledger" {
  for_each = local.ledger_fields

  project    = var.project.id
  database   = google_firestore_database.ledger.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}

  dynamic "ttl_config" {
    for_each = each.value.field == "expires" ? [1] : []
    content {}
  }
}
