locals {
  secret_prefix = coalesce(var.secrets.prefix, "${var.name}-")
}

# Terraform makes only the secrets. An operator adds their versions outside Terraform (see the output
# `secrets`), so that no token is ever in a plan, a state or a variable.
resource "google_secret_manager_secret" "this" {
  for_each = local.secret_names

  project   = var.project.id
  secret_id = "${local.secret_prefix}${each.key}"
  labels    = var.labels
  # The ledger stores subscribers under hashes that are made with this key. Without the key, its records
  # are useless.
  deletion_protection = each.key == "HASH_KEY" && var.ledger.delete_protection
  # A version that somebody destroys is only disabled for 30 days, and can be enabled again.
  version_destroy_ttl = "2592000s"

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

  lifecycle {
    prevent_destroy = true # Terraform does not know the values, so it cannot make them again
  }
}

# No person needs to know this secret. It is ephemeral and write-only, so it is not in the state.
ephemeral "random_password" "hash_key" {
  length  = 48
  special = false
}

# The key is generated only once: with another key the ledger would not find its records.
resource "google_secret_manager_secret_version" "hash_key" {
  secret                 = google_secret_manager_secret.this["HASH_KEY"].id
  secret_data_wo         = ephemeral.random_password.hash_key.result
  secret_data_wo_version = 1
  deletion_policy        = "ABANDON"

  lifecycle {
    prevent_destroy = true
    # After an import (docs/recovery.md) the state does not know this number. Without this line, the next
    # apply would generate another key.
    ignore_changes = [secret_data_wo_version]
  }
}
