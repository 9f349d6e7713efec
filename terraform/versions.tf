terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    google      = { source = "hashicorp/google", version = ">= 7.21, < 8.0" } # as in modules/connector
    google-beta = { source = "hashicorp/google-beta", version = ">= 7.21, < 8.0" }
  }

  # `terraform init` gets the name of the bucket: -backend-config=bucket=NAME (docs/deploy.md).
  backend "gcs" {
    prefix = "nsps-connector"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
  # A budget belongs to the billing account, so Google must know which project pays for the request.
  billing_project       = var.project_id
  user_project_override = true
}

provider "google-beta" {
  project               = var.project_id
  region                = var.region
  billing_project       = var.project_id
  user_project_override = true
}
