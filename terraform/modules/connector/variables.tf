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
    `shadow`: a mapping file that plans beside `file` and sends nothing (docs/shadow.md); null for none. Its settings and secrets must be there, too.
    `system_limit`: calls per second that the external system allows from all instances together; null if it has no limit. The mapping's `rate_limit` is per instance.
  EOT
  type = object({
    file         = string
    variables    = optional(map(string), {})
    shadow       = optional(string)
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
    `max_instances`: Google's limit of instances. During a roll-out there can be twice as many for a moment.
    `ingress`: `ALLOW_ALL`, or `ALLOW_INTERNAL_AND_GCLB` behind a load balancer. Pub/Sub reaches the function in both cases.
    `public_url`: address of that load balancer, such as `https://wtl-hlr.nsps.example.com`; null for the function's own address.
    `invokers`: who may reach the function: `allUsers`, because NSPS has no Google identity; or the account of your gateway; or nobody, if you disable Cloud Run's invoker check (docs/deploy.md).
    `hold_traffic`: a new revision gets no traffic until you send it some (docs/deploy.md#canary).
    `blast_limit`: how many events in a period may take service away, such as `500/h`, until a person allows more; null for no limit.
    `log_level`: `INFO` or `DEBUG`.
    `network`: network and subnetwork for all outgoing calls (Direct VPC egress); null for Google's own addresses.
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
    public_url           = optional(string)
    invokers             = optional(list(string), ["allUsers"])
    hold_traffic         = optional(bool, false)
    blast_limit          = optional(string)
    log_level            = optional(string, "INFO")
    network              = optional(object({ network = string, subnetwork = string }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["python311", "python312", "python313"], var.function.runtime)
    error_message = "function.runtime must be python311, python312 or python313: the connector is tested on these."
  }

  validation {
    condition     = var.function.blast_limit == null ? true : can(regex("^[1-9][0-9]{0,8}/[mhd]$", var.function.blast_limit))
    error_message = "function.blast_limit must be a number and a period (m, h or d), such as 500/h."
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
    condition     = alltrue([for member in var.function.invokers : can(regex("^(allUsers|(serviceAccount|group|user|principal|principalSet):.+)$", member))])
    error_message = "function.invokers must be allUsers, or members such as serviceAccount:gateway@my-project.iam.gserviceaccount.com."
  }

  validation {
    condition     = var.function.public_url == null ? true : can(regex("^https://[^/]+$", var.function.public_url))
    error_message = "function.public_url must be https:// and a host, without a path: the function's paths follow it."
  }

  validation {
    condition     = contains(["DEBUG", "INFO"], var.function.log_level)
    error_message = "function.log_level must be INFO or DEBUG: successful events are logged as INFO, and without them the metrics would show only failures."
  }
}

variable "delivery" {
  description = <<-EOT
    How an event gets from NSPS to the external system.
    `shape`: with `direct`, NSPS waits for the result and sends a failed event again; with `buffered`, the function puts the event on a Pub/Sub topic and answers, and Pub/Sub delivers and repeats it. `draining` is the way back: new events are direct, and Pub/Sub still delivers those that wait.
    The other settings are for `buffered` and `draining`. `ack_deadline_seconds`: how long Pub/Sub waits for the function; default: the function's timeout and 30 s more. `minimum_backoff_seconds`, `maximum_backoff_seconds`: pause before a failed event comes again. `max_delivery_attempts`: number of failed attempts after which an event becomes a dead letter. `retention_days`: how long Pub/Sub keeps an event or a dead letter. `archive_days`: how long a bucket keeps a copy of each dead letter; null for no archive. It holds personal data.
  EOT
  type = object({
    shape                   = optional(string, "direct")
    ack_deadline_seconds    = optional(number)
    minimum_backoff_seconds = optional(number, 10)
    maximum_backoff_seconds = optional(number, 600)
    max_delivery_attempts   = optional(number, 100)
    retention_days          = optional(number, 31)
    archive_days            = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["direct", "buffered", "draining"], var.delivery.shape)
    error_message = "delivery.shape must be direct, buffered or draining."
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

  validation {
    condition     = var.delivery.archive_days == null ? true : var.delivery.archive_days >= 1 && var.delivery.archive_days <= 3650
    error_message = "delivery.archive_days must be 1 to 3650; leave it out for no archive."
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
    `backup_days`: how long each daily backup is kept; 0 for no backups.
  EOT
  type = object({
    location               = optional(string)
    delete_protection      = optional(bool, true)
    point_in_time_recovery = optional(bool, false)
    backup_days            = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.ledger.backup_days >= 0 && var.ledger.backup_days <= 98
    error_message = "ledger.backup_days must be 1 to 98, Firestore's limits; 0 switches the backups off."
  }
}

variable "grants_wait_seconds" {
  description = "Seconds to wait after a permission was granted, until it is in force everywhere at Google. 0 does not wait."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.grants_wait_seconds >= 0 && var.grants_wait_seconds <= 600
    error_message = "grants_wait_seconds must be 0 to 600."
  }
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
    The limits at which an alert is sent, and who gets it. docs/operate.md#alerts describes each alert.
    `channels`: names of notification channels; without a channel, only the console shows alerts. `runbook_url`: URL of your copy of docs/operate.md, for the links in the alerts.
    `failed_percent`: percentage of the events of the last hour with one outcome that is not accepted. `failed_minimum`: number of attempts below which such an alert stays silent; one event that fails again and again reaches it.
    `stuck_hours`: hours after which an event that is not accepted is stuck. `many`: number of stuck events or dead letters within an hour that are more than single cases; also the least number for the alerts of the SLO.
    `slo`: share of events that must be accepted, such as 0.99; 0 switches the SLO off. `latency_seconds`: time that 99 of 100 applied events may take.
    `unauthorized`: number of requests with a wrong token within ten minutes. `no_traffic_hours`: hours without an event; 0 if such hours are normal.
    `oldest_message_minutes`: time that an event waits in the buffered shape. `letters_expire_days`: days before Pub/Sub deletes a dead letter.
    `secret_access`: alert when anybody but the function reads a secret; it needs Data Access logs of Secret Manager, which the root module switches on. `secret_readers`: e-mail addresses of others that may read them.
    `uptime_check`: request /health from several places; needs `ALLOW_ALL`.
  EOT
  type = object({
    channels               = optional(list(string), [])
    runbook_url            = optional(string)
    failed_percent         = optional(number, 5)
    failed_minimum         = optional(number, 3)
    stuck_hours            = optional(number, 4)
    many                   = optional(number, 10)
    slo                    = optional(number, 0.99)
    latency_seconds        = optional(number, 10)
    unauthorized           = optional(number, 10)
    no_traffic_hours       = optional(number, 6)
    oldest_message_minutes = optional(number, 15)
    letters_expire_days    = optional(number, 3)
    secret_access          = optional(bool, true)
    secret_readers         = optional(list(string), [])
    uptime_check           = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alerts.failed_percent > 0 && var.alerts.failed_percent < 100
    error_message = "alerts.failed_percent must be between 0 and 100."
  }

  validation {
    condition     = var.alerts.failed_minimum >= 1 && var.alerts.many >= 2
    error_message = "alerts.failed_minimum must be at least 1, and alerts.many at least 2."
  }

  validation {
    condition     = var.alerts.stuck_hours >= 1 && var.alerts.stuck_hours <= 168
    error_message = "alerts.stuck_hours must be 1 to 168: one hour to one week."
  }

  validation {
    condition     = var.alerts.slo == 0 || var.alerts.slo >= 0.94 && var.alerts.slo <= 0.9999
    error_message = "alerts.slo must be 0.94 to 0.9999, or 0 for no SLO: below 0.94 even a full outage does not use up the budget fast enough for the alert."
  }

  validation {
    condition     = var.alerts.no_traffic_hours >= 0 && var.alerts.no_traffic_hours <= 23
    error_message = "alerts.no_traffic_hours must be 1 to 23: an alert cannot look back further than a day. 0 switches it off."
  }

  validation {
    condition     = var.alerts.letters_expire_days >= 1
    error_message = "alerts.letters_expire_days must be at least 1."
  }

  validation {
    condition     = alltrue([for reader in var.alerts.secret_readers : can(regex("^[^@:]+@[^@:]+$", reader))])
    error_message = "alerts.secret_readers must be e-mail addresses without a prefix such as serviceAccount: or user:."
  }

  validation {
    condition     = var.alerts.runbook_url == null ? true : can(regex("^https://", var.alerts.runbook_url))
    error_message = "alerts.runbook_url must be an https address of your copy of docs/operate.md."
  }
}

variable "audit" {
  description = <<-EOT
    A scheduled job that compares what the external system holds with what it should hold, and only reads (docs/audit.md); null for none. With it, the ledger keeps the last event of each subscriber, encrypted (`KEEP_STATE`).
    `image`: the image that `docker build --target audit` makes, in a registry that the project can read. `schedule`, `time_zone`: when a run starts, as for cron. `minutes`: how long a run lasts at most; the next one goes on from there. `rate`: reads per second; default: a tenth of the mapping's `rate_limit`, or 5. `memory`: of the job.
    `known`: path of the file of known differences in the image. `repair`: kinds that the job repairs, of `missing`, `different` and `double`; default: none, then it only reads. `most_repairs`: if more subscribers differ in one run, none is repaired.
  EOT
  type = object({
    image        = string
    schedule     = optional(string, "0 1 * * *")
    time_zone    = optional(string, "Etc/UTC")
    minutes      = optional(number, 240)
    rate         = optional(number)
    memory       = optional(string, "512Mi")
    known        = optional(string)
    repair       = optional(list(string), [])
    most_repairs = optional(number, 20)
  })
  default = null

  validation {
    condition     = var.audit == null ? true : var.audit.minutes > 0 && var.audit.minutes <= 1400
    error_message = "audit.minutes must be above 0 and at most 1400: Google ends a job after a day."
  }

  validation {
    condition     = var.audit == null ? true : var.audit.rate == null ? true : var.audit.rate > 0
    error_message = "audit.rate must be above 0 reads per second."
  }

  validation {
    condition     = var.audit == null ? true : length(setsubtract(var.audit.repair, ["missing", "different", "double"])) == 0
    error_message = "audit.repair can have missing, different and double: what should not be there is removed by a person only, with `connector audit --remove extra`."
  }
}

variable "labels" {
  description = "Labels of all resources that can have labels."
  type        = map(string)
  default     = {}
  nullable    = false
}
