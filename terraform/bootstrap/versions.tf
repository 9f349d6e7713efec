terraform {
  required_version = ">= 1.11"

  required_providers {
    google = { source = "hashicorp/google", version = ">= 7.21, < 8.0" } # as in the root
  }

  # The same bucket as the root, with a prefix of its own: the accounts that deploy may not change themselves.
  backend "gcs" {
    prefix = "nsps-bootstrap"
  }
}

provider "google" {
  project = var.project_id
}
