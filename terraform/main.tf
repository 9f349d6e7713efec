# One connector for each entry of `connectors`. Copy terraform.example.tfvars to terraform.tfvars.

data "google_project" "this" {
  project_id = var.project_id
}

module "source" {
  source = "./modules/source"
  dir    = "${path.root}/.."
}

module "connector" {
  source   = "./modules/connector"
  for_each = var.connectors

  project     = { id = var.project_id, number = data.google_project.this.number }
  region      = var.region
  name        = each.key
  source_code = module.source
  mapping     = each.value.mapping
  function    = merge(each.value.function, { vpc_connector = each.value.egress ? one(google_vpc_access_connector.egress[*].id) : null })
  delivery    = each.value.delivery
  secrets     = merge(each.value.secrets, { smoke_test_reader = var.deployer == null ? null : "serviceAccount:${var.deployer}" })
  ledger      = each.value.ledger
  alerts      = merge(each.value.alerts, { channels = local.channels, runbook_url = var.notify.runbook_url })
  kms_key     = var.kms_key
  labels      = merge(var.labels, { connector = each.key })

  depends_on = [
    google_project_service.this,
    google_kms_crypto_key_iam_member.agent,
    google_compute_router_nat.egress,
  ]
}
