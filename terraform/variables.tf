variable "project_id" {
  description = "Id of the Google Cloud project to deploy to."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of all resources, such as europe-west1."
  type        = string
  default     = "europe-west1"
  nullable    = false
}

variable "connectors" {
  description = <<-EOT
    The connectors, by name; one for each external system. modules/connector/README.md has the meaning and the default of each setting. `egress = true` sends the connector's calls through the static address of the variable `egress`.
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
    A network with a fixed address, for external systems that admit only known addresses; null for none. The VPC connector's machines and the NAT cost money even without traffic.
    `cidr`: a free /28 range. `min_machines`, `max_machines`: number of machines of the Serverless VPC Access connector. `machine_type`: type of these machines.
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
    error_message = "egress.cidr must be a /28, such as 10.8.0.0/28: Google requires that size."
  }

  validation {
    condition     = var.egress == null ? true : var.egress.min_machines >= 2 && var.egress.min_machines < var.egress.max_machines && var.egress.max_machines <= 10
    error_message = "egress.min_machines must be at least 2 and less than egress.max_machines; egress.max_machines must be at most 10. These are Google's limits."
  }
}

variable "kms_key" {
  description = "Full name of a Cloud KMS key (CMEK) in the region, for all resources that store data; null for Google's own keys. Terraform allows Google's service agents to use the key."
  type        = string
  default     = null
}

variable "notify" {
  description = <<-EOT
    Who gets the alerts. `emails`: addresses; each becomes a notification channel. `channels`: names of existing channels. `runbook_url`: URL of your copy of docs/operate.md.
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
  description = "Monthly budget of the project; null for none. `billing_account`: id of the billing account. `amount`: whole units of that account's currency. `percents`: shares of the budget at which the channels of `notify` get a message."
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
  description = "E-mail address of the service account that deploys (cloudbuild.yaml). It may read API_TOKEN, for the test event after a deployment. If null, only the function may read it."
  type        = string
  default     = null

  validation {
    condition     = var.deployer == null ? true : can(regex("^[^@:]+@[^@:]+[.]gserviceaccount[.]com$", var.deployer))
    error_message = "deployer must be the address of a service account, without the prefix serviceAccount:."
  }
}

variable "labels" {
  description = "Labels of all resources that can have labels."
  type        = map(string)
  default     = { app = "nsps-connector" }
  nullable    = false
}
