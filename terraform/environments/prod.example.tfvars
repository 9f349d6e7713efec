# make terraform-plan ENVIRONMENT=prod STATE_BUCKET=nsps-prod-terraform

project_id = "nsps-prod"
region     = "europe-west1"

connectors = {
  wtl-hlr = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://hlr-prod.example.com/wtl/hlr/v1" }
    }
    function = { max_instances = 3 }
  }
}

notify = {
  emails = ["oncall-prod@example.com"]
}
