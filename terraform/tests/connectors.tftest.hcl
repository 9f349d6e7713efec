# These tests only plan, with an invalid token, so they cannot reach Google.

provider "google" {
  project      = "my-project"
  region       = "europe-west1"
  access_token = "not-needed-for-a-plan"
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

variables {
  project_id = "my-project"
  connectors = {
    wtl-hlr = {
      mapping = {
        file      = "mappings/wtl-hlr-hss.yaml"
        variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1" }
      }
    }
    wtl-lab = {
      mapping = {
        file      = "mappings/wtl-hlr-hss.yaml"
        variables = { WTL_API_URL = "https://lab.example.com/wtl/hlr/v1" }
      }
      delivery = { shape = "buffered" }
      egress   = true
    }
  }
  egress = {}
}

run "two_connectors_share_the_source_and_nothing_else" {
  command = plan

  assert {
    condition     = keys(module.connector) == ["wtl-hlr", "wtl-lab"]
    error_message = "There must be a connector for each entry."
  }
  assert {
    condition     = module.connector["wtl-hlr"].ledger == "firestore:?project=my-project&database=wtl-hlr" && module.connector["wtl-lab"].ledger == "firestore:?project=my-project&database=wtl-lab"
    error_message = "Each connector must have a ledger of its own: they apply the same events."
  }
  assert {
    condition     = module.connector["wtl-hlr"].pubsub == null && keys(output.pubsub) == ["wtl-lab"]
    error_message = "Only the buffered connector may have topics."
  }
  assert {
    condition     = keys(output.secrets["wtl-lab"]) == ["API_TOKEN", "WTL_API_TOKEN"] && strcontains(output.secrets["wtl-lab"].API_TOKEN, "wtl-lab-API_TOKEN")
    error_message = "Each connector must have secrets of its own."
  }
}

run "exactly_the_runtime_files_are_deployed" {
  command = plan

  assert {
    condition     = alltrue([for file in module.source.files : can(regex("^(main[.]py|requirements[.]txt|connector/py[.]typed|connector/([a-z_]+/)*[a-z_]+[.]py|mappings/.+)$", file))])
    error_message = "The zip may hold main.py, requirements.txt, connector/ and mappings/ only."
  }
  assert {
    condition     = contains(module.source.files, "main.py") && contains(module.source.files, "requirements.txt") && contains(module.source.files, "connector/pipeline.py") && contains(module.source.files, "mappings/wtl-hlr-hss.yaml")
    error_message = "The zip must hold all that runs."
  }
}

run "calls_leave_by_one_address" {
  command = plan

  assert {
    condition     = google_compute_router_nat.egress[0].nat_ip_allocate_option == "MANUAL_ONLY" && google_compute_router_nat.egress[0].source_subnetwork_ip_ranges_to_nat == "LIST_OF_SUBNETWORKS"
    error_message = "The NAT must use the reserved address, for the connectors' subnetwork."
  }
  assert {
    condition     = google_compute_subnetwork.egress[0].private_ip_google_access && google_compute_subnetwork.egress[0].ip_cidr_range == "10.8.0.0/28"
    error_message = "Google's own services must be reached without the NAT."
  }
  assert {
    condition     = contains(keys(google_project_service.this), "vpcaccess.googleapis.com") && alltrue([for service in google_project_service.this : !service.disable_on_destroy])
    error_message = "The APIs must be enabled, and stay so."
  }
}

run "without_options_there_is_no_network_no_key_no_budget" {
  command = plan
  variables {
    connectors = {
      wtl-hlr = {
        mapping = {
          file      = "mappings/wtl-hlr-hss.yaml"
          variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1" }
        }
      }
    }
    egress = null
  }

  assert {
    condition     = length(google_compute_network.egress) + length(google_kms_crypto_key_iam_member.agent) + length(google_billing_budget.project) == 0 && output.egress_address == null
    error_message = "What costs and was not asked for must not be made."
  }
}

run "a_key_a_budget_and_people_to_tell" {
  command = plan
  variables {
    kms_key  = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k"
    budget   = { billing_account = "000000-000000-000000", amount = 200 }
    notify   = { emails = ["oncall@example.com"] }
    deployer = "nsps-deploy@my-project.iam.gserviceaccount.com"
  }

  assert {
    condition     = length(google_kms_crypto_key_iam_member.agent) == 7 && google_kms_crypto_key_iam_member.agent["pubsub"].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Google's agents must be allowed to use the key."
  }
  assert {
    condition     = [for rule in google_billing_budget.project[0].threshold_rules : rule.threshold_percent] == [0.5, 0.9, 1]
    error_message = "The budget must tell at 50, 90 and 100 %."
  }
  assert {
    condition     = google_monitoring_notification_channel.email["oncall@example.com"].labels.email_address == "oncall@example.com"
    error_message = "Each address must become a channel."
  }
}

run "egress_without_a_network_is_refused" {
  command = plan
  variables {
    egress = null
  }
  expect_failures = [var.connectors]
}

run "bad_settings_are_refused" {
  command = plan
  variables {
    egress   = { cidr = "10.8.0.0/24" }
    notify   = { emails = ["nobody"] }
    budget   = { billing_account = "000000-000000-000000", amount = 0.5 }
    deployer = "serviceAccount:nsps-deploy@my-project.iam.gserviceaccount.com"
  }
  expect_failures = [var.egress, var.notify, var.budget, var.deployer]
}
