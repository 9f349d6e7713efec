# make terraform-plan ENVIRONMENT=stage STATE_BUCKET=nsps-stage-terraform

project_id = "nsps-stage"
region     = "europe-west1"

connectors = {
  wtl-hlr = {
    mapping = {
      file      = "mappings/wtl-hlr-hss.yaml"
      variables = { WTL_API_URL = "https://hlr-stage.example.com/wtl/hlr/v1" }
    }
    function = { max_instances = 1 }
  }
}

notify = {
  emails = ["oncall-stage@example.com"]
}
