# Every option at once, for the tests and the security scan; but `edge`, which excludes uptime checks.

project_id = "my-project"
region     = "europe-west1"

connectors = {
  wtl-hlr = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1" }
    }
    delivery = { shape = "buffered", archive_days = 365 }
    egress   = true
    audit    = { image = "europe-west1-docker.pkg.dev/my-project/tools/audit:0.1.0" }
  }
  wtl-lab = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://lab.example.com/wtl/hlr/v1" }
    }
  }
}

egress   = {}
kms_key  = "projects/my-keys/locations/europe-west1/keyRings/nsps/cryptoKeys/connectors"
budget   = { billing_account = "000000-000000-000000", amount = 200 }
deployer = "nsps-deploy@my-project.iam.gserviceaccount.com"
notify = {
  emails      = ["oncall@example.com"]
  runbook_url = "https://git.example.com/nsps-connector/blob/main/docs/operate.md"
}
grants_wait_seconds = 0
