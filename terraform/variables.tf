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
    The connectors, by name; one for each external system. modules/connector/README.md has the meaning and the default of each setting. `egress = true` sends the connector's calls through the static address of the variable `egress`. `checkout`: directory of another version of the code, relative to the repository, such as `build/v1.2.0`; null for this one.
  EOT
  type = map(object({
    mapping = object({
      file         = string
      variables    = optional(map(string))
      shadow       = optional(string)
      system_limit = optional(number)
    })
    checkout = optional(string)
    egress   = optional(bool, false)
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
      public_url           = optional(string)
      invokers             = optional(list(string))
      hold_traffic         = optional(bool)
      blast_limit          = optional(string)
      log_level            = optional(string)
    }), {})
    delivery = optional(object({
      shape                   = optional(string)
      ack_deadline_seconds    = optional(number)
      minimum_backoff_seconds = optional(number)
      maximum_backoff_seconds = optional(number)
      max_delivery_attempts   = optional(number)
      retention_days          = optional(number)
      archive_days            = optional(number)
    }), {})
    secrets = optional(object({
      prefix = optional(string)
    }), {})
    ledger = optional(object({
      location               = optional(string)
      delete_protection      = optional(bool)
      point_in_time_recovery = optional(bool)
      backup_days            = optional(number)
    }), {})
    alerts = optional(object({
      failed_percent         = optional(number)
      failed_minimum         = optional(number)
      stuck_hours            = optional(number)
      many                   = optional(number)
      slo                    = optional(number)
      latency_seconds        = optional(number)
      unauthorized           = optional(number)
      no_traffic_hours       = optional(number)
      oldest_message_minutes = optional(number)
      letters_expire_days    = optional(number)
      secret_readers         = optional(list(string))
      uptime_check           = optional(bool)
    }), {})
    audit = optional(object({
      image        = string
      schedule     = optional(string)
      time_zone    = optional(string)
      minutes      = optional(number)
      rate         = optional(number)
      memory       = optional(string)
      known        = optional(string)
      repair       = optional(list(string))
      most_repairs = optional(number)
    }))
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

  validation {
    condition     = length(var.connectors) <= 15 || var.edge == null
    error_message = "With edge, there can be 15 connectors: a load balancer has no more certificates. Put the others into another project."
  }
}

variable "egress" {
  description = <<-EOT
    A network with a fixed address, for external systems that admit only known addresses; null for none. The NAT costs money even without traffic.
    `cidr`: a free range of /26 or larger. Each instance needs an address, and twice as many during a roll-out.
  EOT
  type = object({
    cidr = optional(string, "10.8.0.64/26")
  })
  default = null

  validation {
    condition     = var.egress == null ? true : can(cidrhost(var.egress.cidr, 0)) && tonumber(split("/", var.egress.cidr)[1]) <= 26
    error_message = "egress.cidr must be a range of /26 or larger, such as 10.8.0.64/26: Google requires that size."
  }
}

variable "edge" {
  description = <<-EOT
    A load balancer that admits only known addresses; null for none. It costs money even without traffic.
    `domain`: domain of the connectors; a connector has the host NAME.domain, and your DNS must point to the output `edge_dns`. `allowed_addresses`: ranges from which NSPS calls, such as 203.0.113.7/32. `exclusive`: nobody may go around the load balancer; false until NSPS uses it.
  EOT
  type = object({
    domain            = string
    allowed_addresses = list(string)
    exclusive         = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.edge == null ? true : length(var.edge.allowed_addresses) > 0 && alltrue([for range in var.edge.allowed_addresses : can(cidrhost(range, 0))])
    error_message = "edge.allowed_addresses must name at least one range, such as 203.0.113.7/32."
  }

  validation {
    condition     = var.edge == null ? true : can(regex("^[a-z0-9.-]+[.][a-z]+$", var.edge.domain))
    error_message = "edge.domain must be a domain, such as nsps.example.com."
  }
}

variable "kms_key" {
  description = "Full name of a Cloud KMS key (CMEK) in the region, for all resources that store data; null for Google's own keys. Terraform allows Google's service agents to use the key."
  type        = string
  default     = null
}

variable "notify" {
  description = <<-EOT
    Who gets the alerts. `emails`: addresses; each becomes a notification channel. `channels`: names of existing channels. `runbook_url`: URL of your copy of docs/operate.md. `secret_access`: alert when anybody but the functions reads a secret. For that, the project logs each read of a secret (Data Access logs of Secret Manager), which costs a little.
  EOT
  type = object({
    emails        = optional(list(string), [])
    channels      = optional(list(string), [])
    runbook_url   = optional(string)
    secret_access = optional(bool, true)
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

variable "grants_wait_seconds" {
  description = "Seconds to wait after an API was enabled or a permission was granted, until it is in force everywhere at Google. 0 does not wait."
  type        = number
  default     = 60
  nullable    = false
}
