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

override_data {
  target = data.google_storage_project_service_account.this
  values = { email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com" }
}

provider "google-beta" {
  project      = "my-project"
  access_token = "not-needed-for-a-plan"
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
  notify = { emails = ["oncall@example.com"] }
}

run "nobody_to_tell_is_a_warning" {
  command = plan
  variables {
    notify = {}
  }
  expect_failures = [check.somebody_gets_the_alerts]
}

# One plan for all that needs no other variables.
run "two_connectors_share_the_source_and_nothing_else" {
  command = plan

  assert {
    condition     = google_project_iam_audit_config.secrets[0].service == "secretmanager.googleapis.com" && [for log in google_project_iam_audit_config.secrets[0].audit_log_config : log.log_type] == ["DATA_READ"]
    error_message = "Who reads a secret must be in the log."
  }
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
  assert {
    condition     = alltrue([for file in module.source["mappings/wtl-hlr-hss.yaml"].files : can(regex("^(main[.]py|requirements[.]txt|connector/py[.]typed|connector/([a-z_]+/)*[a-z_]+[.]py|mappings/wtl-hlr-hss[.]yaml)$", file))])
    error_message = "The zip may hold main.py, requirements.txt, connector/ and the mapping file only."
  }
  assert {
    condition     = length(setsubtract(["main.py", "requirements.txt", "connector/pipeline.py", "connector/systems/guard.py", "connector/systems/http/session/client.py", "mappings/wtl-hlr-hss.yaml"], module.source["mappings/wtl-hlr-hss.yaml"].files)) == 0
    error_message = "The zip must hold all that runs."
  }
  assert {
    condition     = !anytrue([for file in module.source["mappings/wtl-hlr-hss.yaml"].files : can(regex("^connector/systems/(http/http2|ctrl|ldap|line|smtp|soap|sql)/", file))])
    error_message = "The zip may not hold the code of other protocols."
  }
  assert {
    condition     = google_compute_router_nat.egress[0].nat_ip_allocate_option == "MANUAL_ONLY" && google_compute_router_nat.egress[0].source_subnetwork_ip_ranges_to_nat == "LIST_OF_SUBNETWORKS"
    error_message = "The NAT must use the reserved address, for the connectors' subnetwork."
  }
  assert {
    condition     = google_compute_subnetwork.egress[0].private_ip_google_access && google_compute_subnetwork.egress[0].ip_cidr_range == "10.8.0.64/26"
    error_message = "Google's own services must be reached without the NAT."
  }
  assert {
    condition     = contains(keys(google_project_service.this), "compute.googleapis.com") && alltrue([for service in google_project_service.this : !service.disable_on_destroy])
    error_message = "The APIs must be enabled, and stay so."
  }
  assert {
    condition     = keys(google_project_service_identity.agent) == ["pubsub"] && google_project_service_identity.agent["pubsub"].service == "pubsub.googleapis.com"
    error_message = "In a new project, a grant to an agent that does not exist fails."
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
    condition     = length(google_compute_network.egress) + length(google_kms_crypto_key_iam_member.agent) + length(google_billing_budget.project) + length(google_compute_global_address.edge) == 0 && output.egress_address == null
    error_message = "What costs and was not asked for must not be made."
  }
}

run "only_known_addresses_reach_the_edge" {
  command = plan
  variables {
    edge = { domain = "nsps.example.com", allowed_addresses = [for n in range(11) : "203.0.113.${n}/32"] }
  }

  assert {
    condition     = one([for rule in google_compute_security_policy.edge[0].rule : tolist(rule.match[0].config[0].src_ip_ranges) if rule.action == "deny(403)"]) == tolist(["*"])
    error_message = "Everybody else must be refused."
  }
  assert {
    condition     = sum([for rule in google_compute_security_policy.edge[0].rule : length(rule.match[0].config[0].src_ip_ranges) if rule.action == "allow"]) == 11
    error_message = "Each address must be admitted, ten in a rule."
  }
  assert {
    condition     = output.url["wtl-hlr"] == "https://wtl-hlr.nsps.example.com/process-event" && { for name, one in google_compute_managed_ssl_certificate.edge : name => one.managed[0].domains } == { wtl-hlr = tolist(["wtl-hlr.nsps.example.com"]), wtl-lab = tolist(["wtl-lab.nsps.example.com"]) }
    error_message = "NSPS must call the load balancer, which must have a certificate for each host: a new one may not replace those that serve."
  }
  assert {
    condition     = alltrue([for backend in google_compute_backend_service.edge : backend.protocol == "HTTPS"]) && google_compute_region_network_endpoint_group.edge["wtl-lab"].cloud_run[0].service == "wtl-lab"
    error_message = "Each host must lead to its connector."
  }
  assert {
    condition     = alltrue([for settings in local.edge : settings.ingress == "ALLOW_INTERNAL_AND_GCLB"])
    error_message = "Nobody may go around the load balancer."
  }
}

run "the_old_address_is_open_until_nsps_uses_the_edge" {
  command = plan
  variables {
    edge = { domain = "nsps.example.com", allowed_addresses = ["203.0.113.7/32"], exclusive = false }
  }

  assert {
    condition     = alltrue([for settings in local.edge : settings.ingress == null]) && output.url["wtl-hlr"] == "https://wtl-hlr.nsps.example.com/process-event"
    error_message = "While the certificate is made, events must come in by the old address."
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
    egress   = { cidr = "10.8.0.0/28" }
    edge     = { domain = "nsps", allowed_addresses = [] }
    notify   = { emails = ["nobody"] }
    budget   = { billing_account = "000000-000000-000000", amount = 0.5 }
    deployer = "serviceAccount:nsps-deploy@my-project.iam.gserviceaccount.com"
  }
  expect_failures = [var.egress, var.edge, var.notify, var.budget, var.deployer]
}

run "the_file_of_a_shadow_is_deployed_with_the_other" {
  command = plan
  variables {
    connectors = {
      wtl-hlr = {
        mapping = {
          file      = "mappings/wtl-hlr-hss.yaml"
          shadow    = "mappings/notify-kannel.yaml"
          variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1", KANNEL_URL = "https://sms.example.com", KANNEL_FROM = "NSPS" }
        }
      }
    }
    egress = null
  }

  assert {
    condition     = contains(module.source["mappings/wtl-hlr-hss.yaml/mappings/notify-kannel.yaml"].files, "mappings/notify-kannel.yaml")
    error_message = "The zip must hold the shadow's mapping file."
  }
  assert {
    condition     = contains(keys(output.secrets["wtl-hlr"]), "KANNEL_PASSWORD")
    error_message = "The secrets of the shadow must exist."
  }
}
