locals {
  secret_prefix = coalesce(var.secrets.prefix, "${var.name}-")
}

# Only the secrets: their versions are added outside Terraform (see the output `secrets`), so that no
# token is ever in a plan, a state or a variable.
resource "google_secret_manager_secret" "this" {
  for_each = local.secret_names

  project   = var.project.id
  secret_id = "${local.secret_prefix}${each.key}"
  labels    = var.labels
  # The ledger knows subscribers by hashes with this key: without it, it is as good as deleted.
  deletion_protection = each.key == "HASH_KEY" && var.ledger.delete_protection

  replication {
    dynamic "auto" {
      for_each = var.kms_key == null ? [1] : []
      content {}
    }
    dynamic "user_managed" {
      for_each = var.kms_key[*]
      content {
        replicas {
          location = var.region
          customer_managed_encryption {
            kms_key_name = user_managed.value
          }
        }
      }
    }
  }
}

# The one secret that no person needs to know. Ephemeral and write-only: it is not in the state.
ephemeral "random_password" "hash_key" {
  length  = 48
  special = false
}

# Generated once and for good: with another key the ledger would know nobody any more.
resource "google_secret_manager_secret_version" "hash_key" {
  secret                 = google_secret_manager_secret.this["HASH_KEY"].id
  secret_data_wo         = ephemeral.random_password.hash_key.result
  secret_data_wo_version = 1
  deletion_policy        = "ABANDON"
}
