# The network with a fixed address: the instances have addresses in the subnetwork (Direct VPC egress), and
# their calls leave through the NAT.

resource "google_compute_network" "egress" {
  #checkov:skip=CKV2_GCP_18:Nothing listens in this network; Google's implied rules refuse all incoming traffic.
  count = var.egress == null ? 0 : 1

  project                 = var.project_id
  name                    = "nsps-egress"
  auto_create_subnetworks = false

  depends_on = [terraform_data.ready]
}

resource "google_compute_subnetwork" "egress" {
  #checkov:skip=CKV_GCP_26:Flow logs would hold every call of every subscriber; the NAT logs what fails.
  #checkov:skip=CKV_GCP_76:IPv4 only: external systems admit an IPv4 address.
  count = var.egress == null ? 0 : 1

  project                  = var.project_id
  name                     = "nsps-egress-direct"
  region                   = var.region
  network                  = google_compute_network.egress[0].id
  ip_cidr_range            = var.egress.cidr
  private_ip_google_access = true # Firestore, Pub/Sub and Secret Manager do not go through the NAT
}

resource "google_compute_address" "egress" {
  count = var.egress == null ? 0 : 1

  project      = var.project_id
  name         = "nsps-egress"
  region       = var.region
  address_type = "EXTERNAL"
  description  = "The address from which the connectors call external systems"
  labels       = var.labels

  depends_on = [terraform_data.ready]

  lifecycle {
    prevent_destroy = true # it is in the firewalls of external systems, and Google cannot restore it
  }
}

resource "google_compute_router" "egress" {
  count = var.egress == null ? 0 : 1

  project = var.project_id
  name    = "nsps-egress"
  region  = var.region
  network = google_compute_network.egress[0].id
}

resource "google_compute_router_nat" "egress" {
  count = var.egress == null ? 0 : 1

  project                            = var.project_id
  name                               = "nsps-egress"
  region                             = var.region
  router                             = google_compute_router.egress[0].name
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = google_compute_address.egress[*].self_link
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"
  # All calls go to one address and port, so the number of ports of an instance limits its calls at once.
  enable_dynamic_port_allocation      = true
  enable_endpoint_independent_mapping = false
  min_ports_per_vm                    = 1024
  max_ports_per_vm                    = 4096

  subnetwork {
    name                    = google_compute_subnetwork.egress[0].id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
