# The buffered shape. The subscription is our own and not the one that an event trigger of the function
# would make: that one can have neither a dead-letter topic nor a backoff.

locals {
  retention = "${var.delivery.retention_days * 86400}s"
}

resource "google_pubsub_topic" "events" {
  count = local.buffered ? 1 : 0

  project      = var.project.id
  name         = "${var.name}-events"
  kms_key_name = var.kms_key
  labels       = var.labels
}

resource "google_pubsub_topic" "dead_letters" {
  count = local.buffered ? 1 : 0

  project      = var.project.id
  name         = "${var.name}-dead-letters"
  kms_key_name = var.kms_key
  labels       = var.labels
}

# No ordering: with dead-lettering it can halt a subscriber for good. The ledger gives order.
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
    push_endpoint = "${google_cloudfunctions2_function.this.service_config[0].uri}/pubsub"
    oidc_token {
      service_account_email = google_service_account.push[0].email
      audience              = local.push_audience
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
    ttl = "" # never, also after a month without events
  }

  # Nothing is forwarded to a topic that nobody listens to: what arrives there would be lost.
  depends_on = [
    google_pubsub_subscription.dead_letters,
    google_pubsub_topic_iam_member.agent_dead_letters,
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
}
