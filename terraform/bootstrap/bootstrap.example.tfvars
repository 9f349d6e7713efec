# GitHub Actions. The environment `production` asks its reviewers before a job starts.

project_id   = "my-project"
state_bucket = "my-project-terraform"

federation = {
  issuer          = "https://token.actions.githubusercontent.com"
  condition       = "assertion.repository == 'my-organisation/nsps-connector'"
  plan_subjects   = ["repo:my-organisation/nsps-connector:pull_request"]
  deploy_subjects = ["repo:my-organisation/nsps-connector:environment:production"]
}
