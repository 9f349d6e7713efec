# One connector for each entry of `connectors`. Copy terraform.example.tfvars to terraform.tfvars.

data "google_project" "this" {
  project_id = var.project_id
}

# One zip for each mapping file of each checkout. Connectors with the same mapping file share it.
locals {
  source_of = {
    for name, connector in var.connectors :
    name => join("/", concat(connector.checkout[*], [connector.mapping.file], connector.mapping.shadow[*]))
  }
}

module "source" {
  source   = "./modules/source"
  for_each = { for name, key in local.source_of : key => var.connectors[name]... }

  dir     = join("/", concat(["${path.root}/.."], each.value[0].checkout[*]))
  mapping = each.value[0].mapping.file
  shadow  = each.value[0].mapping.shadow
}

module "connector" {
  source   = "./modules/connector"
  for_each = var.connectors

  project     = { id = var.project_id, number = data.google_project.this.number }
  region      = var.region
  name        = each.key
  source_code = module.source[local.source_of[each.key]]
  mapping     = each.value.mapping
  function = merge(each.value.function, local.edge[each.key], {
    network = each.value.egress ? { network = google_compute_network.egress[0].id, subnetwork = google_compute_subnetwork.egress[0].id } : null
  })
  delivery = each.value.delivery
  secrets  = merge(each.value.secrets, { smoke_test_reader = var.deployer == null ? null : "serviceAccount:${var.deployer}" })
  ledger   = each.value.ledger
  alerts   = merge(each.value.alerts, { channels = local.channels, runbook_url = var.notify.runbook_url, secret_access = var.notify.secret_access })
  audit    = each.value.audit
  kms_key  = var.kms_key
  labels   = merge(var.labels, { connector = each.key })

  grants_wait_seconds = var.grants_wait_seconds

  depends_on = [
    terraform_data.ready,
    google_compute_router_nat.egress,
  ]
}
