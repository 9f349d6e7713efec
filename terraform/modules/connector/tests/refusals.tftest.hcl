# The plan refuses a wrong deployment, and a sentence says why.

provider "google" {
  project      = "my-project"
  region       = "europe-west1"
  access_token = "not-needed-for-a-plan"
}

variables {
  project = { id = "my-project", number = "123456789012" }
  region  = "europe-west1"
  name    = "wtl-hlr"
  mapping = {
    file      = "mappings/wtl-hlr-hss.yaml"
    variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1" }
  }
  # The tests use only the mappings of this repository: one has a rate limit of 50/s.
  source_code = { dir = "tests/repository", hash = "0123456789abcdef", zip = "tests/repository/mappings/limited.yaml" }
}

run "as_many_calls_as_the_system_allows_are_accepted" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml", system_limit = 150 }
    function = { max_instances = 3 }
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].max_instance_count == 3
    error_message = "3 instances of 50/s are 150/s, which is allowed."
  }
}

run "more_calls_than_the_system_allows_are_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml", system_limit = 149 }
    function = { max_instances = 3 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "a_system_limit_without_a_rate_limit_is_refused" {
  command = plan
  variables {
    mapping = { file = "mappings/unlimited.yaml", variables = { API_URL = "https://a.example.com" }, system_limit = 1000 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "as_many_instances_as_the_system_allows_sessions_are_accepted" {
  command = plan
  variables {
    mapping  = { file = "mappings/sessions.yaml" }
    function = { max_instances = 4 }
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].max_instance_count == 4
    error_message = "4 instances have 4 sessions, which is allowed."
  }
}

run "more_instances_than_the_system_allows_sessions_are_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/sessions.yaml" }
    function = { max_instances = 5 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "sessions_of_soap_count_for_each_instance" {
  command = plan
  variables {
    mapping  = { file = "mappings/soap-sessions.yaml" }
    function = { max_instances = 5 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "as_many_connections_as_the_system_allows_sessions_are_accepted" {
  command = plan
  variables {
    mapping  = { file = "mappings/line-sessions.yaml", system_limit = 20 }
    function = { max_instances = 2 }
  }

  assert {
    condition     = local.sessions == 8 && local.sessions_per_instance == 3
    error_message = "2 instances with 3 connections each have 6 sessions, which is allowed."
  }
}

run "more_connections_than_the_system_allows_sessions_are_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/line-sessions.yaml" }
    function = { max_instances = 3 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "the_rate_limit_of_another_protocol_counts_too" {
  command = plan
  variables {
    mapping  = { file = "mappings/soap-sessions.yaml", system_limit = 149 }
    function = { max_instances = 3 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "a_variable_that_the_mapping_needs_must_be_given" {
  command = plan
  variables {
    mapping = { file = "mappings/unlimited.yaml", variables = {} }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "a_variable_that_the_mapping_does_not_read_is_refused" {
  command = plan
  variables {
    mapping = { file = "mappings/limited.yaml", variables = { API_ULR = "https://a.example.com" } }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "a_budget_that_is_not_below_the_timeout_is_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml" }
    function = { event_budget_seconds = 60, timeout_seconds = 60 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "a_timeout_that_is_not_below_the_deadline_is_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml" }
    function = { timeout_seconds = 120 }
    delivery = { shape = "buffered", ack_deadline_seconds = 120 }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "a_timeout_that_no_deadline_can_exceed_is_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml" }
    function = { timeout_seconds = 600 }
    delivery = { shape = "buffered" }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "without_pubsub_there_is_no_deadline" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml" }
    function = { timeout_seconds = 600 }
  }

  assert {
    condition     = length(google_pubsub_subscription.push) == 0
    error_message = "The direct shape has no subscription."
  }
}

run "bad_names_and_numbers_are_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml", system_limit = 0 }
    name     = "WTL_HLR"
    region   = "europe"
    project  = { id = "my-project", number = "my-project" }
    function = { ingress = "ALLOW_INTERNAL_ONLY", invokers = ["gateway@my-project"] }
    delivery = { shape = "eventarc" }
    secrets  = { smoke_test_reader = "deploy@my-project.iam.gserviceaccount.com" }
    alerts   = { runbook_url = "docs/operate.md" }
  }
  expect_failures = [
    var.mapping, var.name, var.region, var.project,
    var.function, var.delivery, var.secrets, var.alerts,
  ]
}

run "bad_limits_of_the_function_are_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml" }
    function = { cpu = "0.5", min_instances = 4, max_instances = 3, timeout_seconds = 3601, log_level = "ERROR", public_url = "https://a.example.com/path" }
    ledger   = { backup_days = 99 }

    grants_wait_seconds = 601
    delivery            = { archive_days = 0, maximum_backoff_seconds = 601, max_delivery_attempts = 101, retention_days = 32, ack_deadline_seconds = 601 }
    alerts              = { no_traffic_hours = 24 }
  }
  expect_failures = [var.function, var.delivery, var.alerts, var.ledger, var.grants_wait_seconds]
}

run "a_key_of_another_region_is_refused" {
  command = plan
  variables {
    mapping = { file = "mappings/limited.yaml" }
    kms_key = "projects/keys/locations/us-east1/keyRings/r/cryptoKeys/k"
  }
  expect_failures = [var.kms_key]
}

run "a_mapping_outside_of_what_is_deployed_is_refused" {
  command = plan
  variables {
    mapping = { file = "../mappings/limited.yaml" }
  }
  expect_failures = [var.mapping]
}

run "bad_limits_of_the_alerts_are_refused" {
  command = plan
  variables {
    mapping = { file = "mappings/limited.yaml" }
    alerts  = { slo = 0.9, stuck_hours = 0, many = 1, letters_expire_days = 0, secret_readers = ["user:a@example.com"] }
  }
  expect_failures = [var.alerts]
}
