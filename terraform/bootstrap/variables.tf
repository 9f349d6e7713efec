variable "project_id" {
  description = "Id of the Google Cloud project to deploy to."
  type        = string
  nullable    = false
}

variable "state_bucket" {
  description = "Name of the bucket that holds Terraform's state (docs/deploy.md, step 1)."
  type        = string
  nullable    = false
}

variable "options" {
  description = "Options of the root that need more roles: `egress`, `edge` and `audit`. For `kms_key` and `budget`, grant the roles on the key and on the billing account by hand."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.options, ["egress", "edge", "audit"])) == 0
    error_message = "options can have egress, edge and audit."
  }
}

variable "federation" {
  description = <<-EOT
    A CI outside Google that deploys without a key file (Workload Identity Federation); null for Cloud Build only.
    `issuer`: address of the CI's OIDC issuer. `condition`: CEL expression that admits only your repository. `plan_subjects`, `deploy_subjects`: the exact subjects (`sub`) of the jobs that may plan, and that may deploy.
  EOT
  type = object({
    issuer          = string
    condition       = string
    plan_subjects   = set(string)
    deploy_subjects = set(string)
  })
  default = null

  validation {
    condition     = var.federation == null ? true : can(regex("^https://", var.federation.issuer))
    error_message = "federation.issuer must be an https address, such as https://token.actions.githubusercontent.com."
  }

  validation {
    condition     = var.federation == null ? true : strcontains(var.federation.condition, "assertion.")
    error_message = "federation.condition must compare a claim, such as assertion.repository == 'owner/repository': otherwise every customer of the CI could ask for a token."
  }

  validation {
    condition     = var.federation == null ? true : !anytrue([for subject in setunion(var.federation.plan_subjects, var.federation.deploy_subjects) : strcontains(subject, "*")])
    error_message = "federation: subjects are compared as they are; * is no wildcard."
  }
}
