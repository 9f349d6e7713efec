# make terraform-plan ENVIRONMENT=dev STATE_BUCKET=nsps-dev-terraform

project_id = "nsps-dev"
region     = "europe-west1"

connectors = {
  wtl-hlr = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://hlr-dev.example.com/wtl/hlr/v1" }
    }
    function = { max_instances = 1 }
    ledger   = { backup_days = 0 }
  }
}
