# The scheduled audit: off unless it is set, and only with what the function has.

provider "google" {
  project      = "my-project"
  region       = "europe-west1"
  access_token = "not-needed-for-a-plan"
}

variables {
  project     = { id = "my-project", number = "123456789012" }
  region      = "europe-west1"
  name        = "wtl-hlr"
  mapping     = { file = "mappings/limited.yaml" }
  source_code = { dir = "tests/repository", hash = "0123456789abcdef", zip = "tests/repository/mappings/limited.yaml" }
}

run "without_the_variable_there_is_no_audit" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_job.audit) + length(google_cloud_scheduler_job.audit) + length(google_service_account.audit) + length(google_monitoring_alert_policy.audit) == 0
    error_message = "The audit must be off unless it is set."
  }
  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.this.service_config[0].environment_variables), "KEEP_STATE")
    error_message = "Without an audit, the ledger must keep no events."
  }
}

run "the_job_runs_the_image_with_the_settings_of_the_function" {
  command = plan
  variables {
    audit = { image = "europe-west1-docker.pkg.dev/my-project/tools/audit:0.1.0" }
  }

  assert {
    condition     = google_cloud_run_v2_job.audit[0].template[0].template[0].containers[0].image == "europe-west1-docker.pkg.dev/my-project/tools/audit:0.1.0"
    error_message = "The job must run the image that was named."
  }
  assert {
    condition     = google_cloud_run_v2_job.audit[0].template[0].template[0].containers[0].args == tolist(["--log", "--for", "240"])
    error_message = "Unless it is asked for, the job must only read."
  }
  assert {
    condition = { for one in google_cloud_run_v2_job.audit[0].template[0].template[0].containers[0].env : one.name => one.value } == {
      for name, value in google_cloudfunctions2_function.this.service_config[0].environment_variables : name => value if name != "INGRESS"
    }
    error_message = "The job must have the environment of the function."
  }
  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].environment_variables["KEEP_STATE"] == "true"
    error_message = "The ledger must keep the events that the audit compares with."
  }
  assert {
    condition     = google_cloud_run_v2_job.audit[0].template[0].template[0].max_retries == 0 && google_cloud_run_v2_job.audit[0].template[0].template[0].timeout == "15300s"
    error_message = "A run must not be repeated, and must end by itself before Google ends it."
  }
  assert {
    condition     = google_cloud_scheduler_job.audit[0].http_target[0].uri == "https://run.googleapis.com/v2/projects/my-project/locations/europe-west1/jobs/wtl-hlr-audit:run" && google_cloud_scheduler_job.audit[0].schedule == "0 1 * * *"
    error_message = "The scheduler must start the job."
  }
  assert {
    condition     = google_cloud_run_v2_job_iam_member.audit[0].role == "roles/run.invoker" && google_cloud_run_v2_job_iam_member.audit[0].name == "wtl-hlr-audit"
    error_message = "The account of the scheduler may start this job, and nothing else."
  }
  assert {
    condition     = google_monitoring_alert_policy.audit["drift"].conditions[0].condition_matched_log[0].filter == "resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"wtl-hlr-audit\" AND resource.labels.location=\"europe-west1\" AND jsonPayload.message=\"audit ended\" AND jsonPayload.drift>0"
    error_message = "Differences must page."
  }
}

run "repairs_and_the_rate_are_passed_on" {
  command = plan
  variables {
    audit = { image = "audit", rate = 7, repair = ["missing", "different"], known = "/app/known.yaml" }
  }

  assert {
    condition     = google_cloud_run_v2_job.audit[0].template[0].template[0].containers[0].args == tolist(["--log", "--for", "240", "--rate", "7", "--known", "/app/known.yaml", "--repair", "missing,different", "--at-most", "20", "--send"])
    error_message = "The arguments must be those of the command."
  }
}

run "a_removal_by_the_job_is_refused" {
  command = plan
  variables {
    audit = { image = "audit", repair = ["extra"] }
  }
  expect_failures = [var.audit]
}

run "an_audit_above_the_limit_of_the_system_is_refused" {
  command = plan
  variables {
    mapping  = { file = "mappings/limited.yaml", system_limit = 150 }
    function = { max_instances = 3 }
    audit    = { image = "audit" }
  }
  expect_failures = [google_cloud_run_v2_job.audit]
}
