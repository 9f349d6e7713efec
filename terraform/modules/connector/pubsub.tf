# The buffered shape. It has its own subscription and no event trigger of the function: the subscription
# of a trigger can have neither a dead-letter topic nor a backoff. In the shape `draining` all of this
# stays, until the last event is delivered (docs/decisions/0053-what-may-be-destroyed.md).

locals {
  retention = "${var.delivery.retention_days * 86400}s"
}

resource "google_pubsub_topic" "events" {
  count = local.buffered ? 1 : 0

  project      = var.project.id
  name         = "${var.name}-events"
  kms_key_name = var.kms_key
  labels       = var.labels
  # The topic itself keeps events, too. If the subscription is lost, a new one can be set back in time.
  message_retention_duration = local.retention

  lifecycle {
    prevent_destroy = true # events that NSPS considers delivered
  }
}

resource "google_pubsub_topic" "dead_letters" {
  count = local.buffered ? 1 : 0

  project      = var.project.id
  name         = "${var.name}-dead-letters"
  kms_key_name = var.kms_key
  labels       = var.labels
  # See the topic of the events.
  message_retention_duration = local.retention

  lifecycle {
    prevent_destroy = true # dead letters are events that no other place keeps
  }
}

# Ordering is off: together with dead letters it can block a subscriber permanently. The ledger keeps
# the order.
resource "google_pubsub_subscription" "push" {
  count = local.buffered ? 1 : 0

  project                    = var.project.id
  name                       = "${var.name}-push"
  topic                      = google_pubsub_topic.events[0].id
  ack_deadline_seconds       = local.ack_deadline_seconds
  message_retention_duration = local.retention
  enable_message_ordering    = false
  labels                     = var.labels

  push_config {
    push_endpoint = "${local.uri}/pubsub"
    oidc_token {
      service_account_email = google_service_account.push[0].email
      audience              = local.uri
    }
  }

  retry_policy {
    minimum_backoff = "${var.delivery.minimum_backoff_seconds}s"
    maximum_backoff = "${var.delivery.maximum_backoff_seconds}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters[0].id
    max_delivery_attempts = var.delivery.max_delivery_attempts
  }

  expiration_policy {
    ttl = "" # the subscription never expires, even after a month without events
  }

  lifecycle {
    prevent_destroy = true # it holds the events that wait for the external system
  }

  # The dead-letter subscription must exist first: without it, events on that topic would be lost.
  depends_on = [
    google_pubsub_subscription.dead_letters,
    terraform_data.grants,
  ]
}

resource "google_pubsub_subscription" "dead_letters" {
  count = local.buffered ? 1 : 0

  project                    = var.project.id
  name                       = "${var.name}-dead-letters"
  topic                      = google_pubsub_topic.dead_letters[0].id
  ack_deadline_seconds       = 60
  message_retention_duration = local.retention
  labels                     = var.labels

  expiration_policy {
    ttl = ""
  }

  lifecycle {
    prevent_destroy = true # it holds the dead letters
  }
}
