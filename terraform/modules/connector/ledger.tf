resource "google_firestore_database" "ledger" {
  project                           = var.project.id
  name                              = var.name
  location_id                       = coalesce(var.ledger.location, var.region)
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = var.ledger.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.ledger.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # `terraform destroy` fails while it is protected, rather than to forget the database.
  deletion_policy = "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = cmek_config.value
    }
  }
}

# The ledger reads by name only, so no field needs an index; and times that only grow, in an index,
# hold a collection to some 500 writes a second. Documents expire by `expires`, which the ledger sets.
locals {
  ledger_fields = {
    for pair in setproduct(
      ["nsps_events", "nsps_subjects"],
      ["expires", "lease_until", "leased_for", "owner", "snapshot", "token"],
    ) : "${pair[0]}.${pair[1]}" => { collection = pair[0], field = pair[1] }
  }
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
