# Copy this file to terraform.tfvars, which is never committed. Put no secrets here: they belong in
# Secret Manager.

project_id = "my-project"
region     = "europe-west1"

connectors = {
  wtl-hlr = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://hlr.example.com/wtl/hlr/v1" }
      # system_limit = 150 # calls per second; the mapping then needs a rate_limit
    }
    # function = { max_instances = 3, min_instances = 1 }
    # delivery = { shape = "buffered" }
    # egress   = true
  }
}

notify = {
  emails = ["oncall@example.com"]
  # runbook_url = "https://git.example.com/nsps-connector/blob/main/docs/operate.md"
}

# egress   = {}
# kms_key  = "projects/my-keys/locations/europe-west1/keyRings/nsps/cryptoKeys/connectors"
# budget   = { billing_account = "000000-000000-000000", amount = 200 }
# deployer = "nsps-deploy@my-project.iam.gserviceaccount.com"
