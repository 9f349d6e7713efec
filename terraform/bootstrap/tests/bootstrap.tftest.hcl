# These tests only plan, with a mock that cannot reach Google.

mock_provider "google" {
  override_during = plan
}

override_resource {
  target          = google_iam_workload_identity_pool.ci[0]
  override_during = plan
  values          = { name = "projects/1/locations/global/workloadIdentityPools/nsps-ci" }
}

variables {
  project_id   = "my-project"
  state_bucket = "my-project-terraform"
  federation = {
    issuer          = "https://token.actions.githubusercontent.com"
    condition       = "assertion.repository == 'o/r'"
    plan_subjects   = ["repo:o/r:pull_request"]
    deploy_subjects = ["repo:o/r:environment:production"]
  }
}

run "the_account_that_plans_may_change_nothing" {
  command = plan

  assert {
    condition     = [for key in keys(google_project_iam_member.this) : key if startswith(key, "plan ")] == ["plan iam.securityReviewer", "plan logging.logWriter", "plan serviceusage.serviceUsageConsumer", "plan viewer"]
    error_message = "It reads everything and writes only its log."
  }
  assert {
    condition     = google_storage_bucket_iam_member.plan_state.role == "roles/storage.objectViewer"
    error_message = "It may read the state, and not write it."
  }
}

run "only_the_named_jobs_get_an_account" {
  command = plan

  assert {
    condition     = google_service_account_iam_member.ci["plan repo:o/r:pull_request"].member == "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/nsps-ci/subject/repo:o/r:pull_request"
    error_message = "A pull request may plan."
  }
  assert {
    condition     = keys(google_service_account_iam_member.ci) == ["deploy repo:o/r:environment:production", "plan repo:o/r:pull_request"]
    error_message = "Nobody else may use the accounts."
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.ci[0].attribute_condition == "assertion.repository == 'o/r'"
    error_message = "Other repositories of the CI must be refused."
  }
}

run "options_bring_their_roles" {
  command = plan
  variables {
    options    = ["egress", "edge", "audit"]
    federation = null
  }

  assert {
    condition     = length(setsubtract(["deploy compute.networkAdmin", "deploy compute.loadBalancerAdmin", "deploy compute.securityAdmin", "deploy cloudscheduler.admin"], keys(google_project_iam_member.this))) == 0
    error_message = "Each option must have its roles."
  }
  assert {
    condition     = length(google_iam_workload_identity_pool.ci) + length(google_service_account_iam_member.ci) == 0
    error_message = "Without a CI outside Google there is no pool."
  }
}

run "a_pool_that_is_open_to_everybody_is_refused" {
  command = plan
  variables {
    options    = ["everything"]
    federation = { issuer = "https://ci.example.com", condition = "true", plan_subjects = [], deploy_subjects = ["repo:o/*"] }
  }
  expect_failures = [var.options, var.federation]
}
