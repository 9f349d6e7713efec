variable "project" {
  description = "The Google Cloud project: its id and its number. The names of Google's service agents contain the number."
  type = object({
    id     = string
    number = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]+$", var.project.number))
    error_message = "project.number must be the project's number, with digits only; its name belongs in project.id."
  }
}

variable "region" {
  description = "Region of the function, its source and its image; of its secrets if they are encrypted with your key; and of its ledger unless `ledger.location` names another."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a single region such as europe-west1, not a zone or a multi-region."
  }
}

variable "name" {
  description = "Name of the connector. The function has this name, and the names of all other resources begin with it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,18}[a-z0-9]$", var.name))
    error_message = "name must be 4 to 20 lower-case letters, digits and hyphens, beginning with a letter: service accounts are named after it."
  }
}

variable "source_code" {
  description = "The code to deploy: the outputs of the module `source`."
  type = object({
    dir  = string
    hash = string
    zip  = string
  })
  nullable = false
}

variable "mapping" {
  description = <<-EOT
    The mapping of the connector.
    `file`: the mapping file, relative to the repository. Terraform reads event types, secrets, required variables and limits from it.
    `variables`: the environment variables of the mapping's settings and their values; no secrets.
    `system_limit`: calls per second that the external system allows from all instances together; null if it has no limit. The mapping's `rate_limit` is per instance.
  EOT
  type = object({
    file         = string
    variables    = optional(map(string), {})
    system_limit = optional(number)
  })
  nullable = false

  validation {
    condition     = can(regex("^mappings/[^/]+[.]yaml$", var.mapping.file))
    error_message = "mapping.file must be a file of the repository's mappings directory, such as mappings/wtl-hlr-hss.yaml: only that directory is deployed."
  }

  validation {
    condition     = var.mapping.system_limit == null ? true : var.mapping.system_limit > 0
    error_message = "mapping.system_limit must be above 0 calls per second; leave it out if the system has no limit."
  }
}

variable "function" {
  description = <<-EOT
    The function.
    `memory`, `cpu`, `concurrency`: the values for one instance. `min_instances` above 0 avoids cold starts, but costs money without traffic.
    `timeout_seconds`: time after which Google ends a request. `event_budget_seconds`: time after which the connector ends an event; it must be shorter, so that NSPS always gets an answer.
    `ingress`: `ALLOW_ALL`, or `ALLOW_INTERNAL_AND_GCLB` behind a load balancer of your own.
    `log_level`: `INFO` or `DEBUG`.
    `vpc_connector`: Serverless VPC Access connector for all outgoing calls; null for Google's own addresses.
  EOT
  type = object({
    runtime              = optional(string, "python313")
    memory               = optional(string, "512Mi")
    cpu                  = optional(string, "1")
    concurrency          = optional(number, 80)
    timeout_seconds      = optional(number, 60)
    event_budget_seconds = optional(number, 50)
    min_instances        = optional(number, 0)
    max_instances        = optional(number, 3)
    ingress              = optional(string, "ALLOW_ALL")
    log_level            = optional(string, "INFO")
    vpc_connector        = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["python311", "python312", "python313"], var.function.runtime)
    error_message = "function.runtime must be python311, python312 or python313: the connector is tested on these."
  }

  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.function.memory))
    error_message = "function.memory must be a size in Mi or Gi, such as 512Mi."
  }

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.function.cpu)
    error_message = "function.cpu must be 1, 2, 4, 6 or 8: with less than a whole CPU Google lets an instance serve only one request at a time."
  }

  validation {
    condition     = var.function.concurrency >= 1 && var.function.concurrency <= 1000
    error_message = "function.concurrency must be 1 to 1000 requests at a time in one instance."
  }

  validation {
    condition     = var.function.timeout_seconds >= 1 && var.function.timeout_seconds <= 3600
    error_message = "function.timeout_seconds must be 1 to 3600, Google's limit for an HTTP function."
  }

  validation {
    condition     = var.function.event_budget_seconds > 0
    error_message = "function.event_budget_seconds must be above 0."
  }

  validation {
    condition     = var.function.min_instances >= 0 && var.function.min_instances <= var.function.max_instances && var.function.max_instances >= 1
    error_message = "function.min_instances must be at least 0 and at most function.max_instances, which must be at least 1."
  }

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_AND_GCLB"], var.function.ingress)
    error_message = "function.ingress must be ALLOW_ALL or ALLOW_INTERNAL_AND_GCLB: with ALLOW_INTERNAL_ONLY, NSPS could not reach the function."
  }

  validation {
    condition     = contains(["DEBUG", "INFO"], var.function.log_level)
    error_message = "function.log_level must be INFO or DEBUG: successful events are logged as INFO, and without them the metrics would show only failures."
  }
}

variable "delivery" {
  description = <<-EOT
    How an event gets from NSPS to the external system.
    `shape`: with `direct`, NSPS waits for the result and sends a failed event again; with `buffered`, the function puts the event on a Pub/Sub topic and answers, and Pub/Sub delivers and repeats it.
    The other settings are for `buffered`. `ack_deadline_seconds`: how long Pub/Sub waits for the function; default: the function's timeout and 30 s more. `minimum_backoff_seconds`, `maximum_backoff_seconds`: pause before a failed event comes again. `max_delivery_attempts`: number of failed attempts after which an event becomes a dead letter. `retention_days`: how long Pub/Sub keeps an event or a dead letter.
  EOT
  type = object({
    shape                   = optional(string, "direct")
    ack_deadline_seconds    = optional(number)
    minimum_backoff_seconds = optional(number, 10)
    maximum_backoff_seconds = optional(number, 600)
    max_delivery_attempts   = optional(number, 100)
    retention_days          = optional(number, 31)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["direct", "buffered"], var.delivery.shape)
    error_message = "delivery.shape must be direct or buffered."
  }

  validation {
    condition     = var.delivery.ack_deadline_seconds == null ? true : var.delivery.ack_deadline_seconds >= 10 && var.delivery.ack_deadline_seconds <= 600
    error_message = "delivery.ack_deadline_seconds must be 10 to 600, Pub/Sub's limits."
  }

  validation {
    condition     = var.delivery.minimum_backoff_seconds >= 0 && var.delivery.minimum_backoff_seconds <= var.delivery.maximum_backoff_seconds && var.delivery.maximum_backoff_seconds <= 600
    error_message = "delivery.minimum_backoff_seconds must be at most delivery.maximum_backoff_seconds; delivery.maximum_backoff_seconds must be at most 600, Pub/Sub's limit."
  }

  validation {
    condition     = var.delivery.max_delivery_attempts >= 5 && var.delivery.max_delivery_attempts <= 100
    error_message = "delivery.max_delivery_attempts must be 5 to 100, Pub/Sub's limits."
  }

  validation {
    condition     = var.delivery.retention_days >= 1 && var.delivery.retention_days <= 31
    error_message = "delivery.retention_days must be 1 to 31, Pub/Sub's limits."
  }
}

variable "secrets" {
  description = <<-EOT
    The secrets in Secret Manager: API_TOKEN, HASH_KEY and the secrets that the mapping names. Their values never pass through Terraform, except for HASH_KEY: Terraform generates it once and does not keep it in the state.
    `prefix`: beginning of the secrets' names; default: the connector's name and a hyphen.
    `smoke_test_reader`: member, such as `serviceAccount:deploy@...`, that may read API_TOKEN to send a test event after a deployment.
  EOT
  type = object({
    prefix            = optional(string)
    smoke_test_reader = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.secrets.prefix == null ? true : can(regex("^[A-Za-z0-9_-]{1,100}$", var.secrets.prefix))
    error_message = "secrets.prefix must be letters, digits, hyphens and underscores, as in a secret's name."
  }

  validation {
    condition     = var.secrets.smoke_test_reader == null ? true : can(regex("^(serviceAccount|group|user):.+@.+$", var.secrets.smoke_test_reader))
    error_message = "secrets.smoke_test_reader must be a member such as serviceAccount:deploy@my-project.iam.gserviceaccount.com."
  }
}

variable "ledger" {
  description = <<-EOT
    The Firestore database of the ledger, one for each connector.
    `location`: a region or multi-region of Firestore; it can never change. Default: the function's region.
    `delete_protection`: Google refuses to delete the database and the secret HASH_KEY. If the ledger is lost, the connector can apply old events again.
    `point_in_time_recovery`: keeps seven days of history, at an extra price.
  EOT
  type = object({
    location               = optional(string)
    delete_protection      = optional(bool, true)
    point_in_time_recovery = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "kms_key" {
  description = "Full name of a Cloud KMS key (CMEK) in the function's region, for source, image, function, secrets, topics and ledger; null for Google's own keys. Google's service agents need permission to use it; the root module grants this permission."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null ? true : can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be the full name of a key in the function's region: projects/P/locations/REGION/keyRings/R/cryptoKeys/K."
  }
}

variable "alerts" {
  description = <<-EOT
    The limits at which an alert is sent, and who gets it.
    `channels`: names of notification channels; without a channel, only the console shows alerts. `runbook_url`: URL of your copy of docs/operate.md, for the links in the alerts.
    `failed_percent`: percentage of events that end failed or unavailable within 15 minutes, if there are at least `failed_minimum` events. `unauthorized`: number of requests with a wrong token within ten minutes. `no_traffic_hours`: hours without an event; null if such hours are normal. `oldest_message_minutes`: time that an event waits in the buffered shape. `uptime_check`: request /health from several places; needs `ALLOW_ALL`.
  EOT
  type = object({
    channels               = optional(list(string), [])
    runbook_url            = optional(string)
    failed_percent         = optional(number, 5)
    failed_minimum         = optional(number, 20)
    unauthorized           = optional(number, 10)
    no_traffic_hours       = optional(number, 6)
    oldest_message_minutes = optional(number, 15)
    uptime_check           = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alerts.failed_percent > 0 && var.alerts.failed_percent < 100
    error_message = "alerts.failed_percent must be between 0 and 100."
  }

  validation {
    condition     = var.alerts.no_traffic_hours == null ? true : var.alerts.no_traffic_hours >= 1 && var.alerts.no_traffic_hours <= 23
    error_message = "alerts.no_traffic_hours must be 1 to 23: an alert cannot look back further than a day. Null switches it off."
  }

  validation {
    condition     = var.alerts.runbook_url == null ? true : can(regex("^https://", var.alerts.runbook_url))
    error_message = "alerts.runbook_url must be an https address of your copy of docs/operate.md."
  }
}

variable "labels" {
  description = "Labels of all resources that can have labels."
  type        = map(string)
  default     = {}
  nullable    = false
}
