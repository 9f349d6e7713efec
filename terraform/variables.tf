variable "project_id" {
  description = "Id of the Google Cloud project to deploy to."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of everything, such as europe-west1."
  type        = string
  default     = "europe-west1"
  nullable    = false
}

variable "connectors" {
  description = <<-EOT
    The connectors, by name; one for each external system. What each setting means and its default: modules/connector/README.md. `egress` sends the connector's calls through the static address of `egress`.
  EOT
  type = map(object({
    mapping = object({
      file         = string
      variables    = optional(map(string))
      system_limit = optional(number)
    })
    egress = optional(bool, false)
    function = optional(object({
      runtime              = optional(string)
      memory               = optional(string)
      cpu                  = optional(string)
      concurrency          = optional(number)
      timeout_seconds      = optional(number)
      event_budget_seconds = optional(number)
      min_instances        = optional(number)
      max_instances        = optional(number)
      ingress              = optional(string)
      log_level            = optional(string)
    }), {})
    delivery = optional(object({
      shape                   = optional(string)
      ack_deadline_seconds    = optional(number)
      minimum_backoff_seconds = optional(number)
      maximum_backoff_seconds = optional(number)
      max_delivery_attempts   = optional(number)
      retention_days          = optional(number)
    }), {})
    secrets = optional(object({
      prefix = optional(string)
    }), {})
    ledger = optional(object({
      location               = optional(string)
      delete_protection      = optional(bool)
      point_in_time_recovery = optional(bool)
    }), {})
    alerts = optional(object({
      failed_percent         = optional(number)
      failed_minimum         = optional(number)
      unauthorized           = optional(number)
      no_traffic_hours       = optional(number)
      oldest_message_minutes = optional(number)
      uptime_check           = optional(bool)
    }), {})
  }))
  nullable = false

  validation {
    condition     = length(var.connectors) > 0
    error_message = "connectors must name at least one connector."
  }

  validation {
    condition     = alltrue([for connector in values(var.connectors) : !connector.egress]) || var.egress != null
    error_message = "A connector with egress = true needs the variable egress."
  }
}

variable "egress" {
  description = <<-EOT
    A network with a fixed address, for external systems that admit only known addresses; null for none. It costs the connector's machines and the NAT also when nothing happens.
    `cidr`: a free /28. `machines`: of the Serverless VPC Access connector, at least and at most; `machine_type`: theirs.
  EOT
  type = object({
    cidr         = optional(string, "10.8.0.0/28")
    min_machines = optional(number, 2)
    max_machines = optional(number, 3)
    machine_type = optional(string, "e2-micro")
  })
  default = null

  validation {
    condition     = var.egress == null ? true : can(cidrhost(var.egress.cidr, 0)) && endswith(var.egress.cidr, "/28")
    error_message = "egress.cidr must be a /28, such as 10.8.0.0/28: Google asks for that size."
  }

  validation {
    condition     = var.egress == null ? true : var.egress.min_machines >= 2 && var.egress.min_machines < var.egress.max_machines && var.egress.max_machines <= 10
    error_message = "egress.min_machines must be at least 2 and less than egress.max_machines, and that at most 10: Google's limits."
  }
}

variable "kms_key" {
  description = "Full name of a Cloud KMS key (CMEK) in the region, for everything that keeps data; null for Google's own keys. Google's service agents are allowed to use it."
  type        = string
  default     = null
}

variable "notify" {
  description = <<-EOT
    Who is told of alerts. `emails`: addresses, each becomes a notification channel. `channels`: names of channels that exist already. `runbook_url`: where your copy of docs/operate.md is.
  EOT
  type = object({
    emails      = optional(list(string), [])
    channels    = optional(list(string), [])
    runbook_url = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for email in var.notify.emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "notify.emails must be e-mail addresses."
  }
}

variable "budget" {
  description = "Monthly budget of the project; null for none. `billing_account`: its id. `amount`: whole units of the account's currency. `percents`: shares at which those of `notify` are told."
  type = object({
    billing_account = string
    amount          = number
    percents        = optional(list(number), [50, 90, 100])
  })
  default = null

  validation {
    condition     = var.budget == null ? true : var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount
    error_message = "budget.amount must be a whole number, at least 1."
  }
}

variable "deployer" {
  description = "E-mail address of the service account that deploys (cloudbuild.yaml): it may read API_TOKEN, for the test event after a deployment. Null: nobody but the function may."
  type        = string
  default     = null

  validation {
    condition     = var.deployer == null ? true : can(regex("^[^@:]+@[^@:]+[.]gserviceaccount[.]com$", var.deployer))
    error_message = "deployer must be the address of a service account, without the prefix serviceAccount:."
  }
}

variable "labels" {
  description = "Labels of everything that can have some."
  type        = map(string)
  default     = { app = "nsps-connector" }
  nullable    = false
}
