# A load balancer that admits only known addresses, such as NSPS's. Without `edge`, every address reaches the
# functions, and only the token protects them (docs/deploy.md#an-allow-list-for-nsps).

locals {
  hosts = var.edge == null ? {} : { for name in keys(var.connectors) : name => "${name}.${var.edge.domain}" }
  # What the edge changes in the settings of a connector's function.
  edge = {
    for name, connector in var.connectors : name => {
      ingress    = try(var.edge.exclusive, false) ? "ALLOW_INTERNAL_AND_GCLB" : connector.function.ingress
      public_url = var.edge == null ? connector.function.public_url : "https://${local.hosts[name]}"
    }
  }
}

resource "google_compute_global_address" "edge" {
  count = var.edge == null ? 0 : 1

  project = var.project_id
  name    = "nsps-edge"
  labels  = var.labels

  depends_on = [terraform_data.ready]

  lifecycle {
    prevent_destroy = true # it is in your DNS
  }
}

resource "google_compute_security_policy" "edge" {
  count = var.edge == null ? 0 : 1

  project     = var.project_id
  name        = "nsps-edge"
  description = "Admits the addresses of NSPS to the connectors"

  # A rule can name ten ranges.
  dynamic "rule" {
    for_each = chunklist(var.edge.allowed_addresses, 10)
    content {
      action      = "allow"
      priority    = 1000 + rule.key
      description = "Known addresses"
      match {
        versioned_expr = "SRC_IPS_V1"
        config {
          src_ip_ranges = rule.value
        }
      }
    }
  }

  rule {
    action      = "deny(403)"
    priority    = 2147483647 # the default rule
    description = "Everybody else"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [terraform_data.ready]
}

resource "google_compute_region_network_endpoint_group" "edge" {
  for_each = local.hosts

  project               = var.project_id
  name                  = "nsps-edge-${each.key}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = each.key
  }

  lifecycle {
    # When a connector is removed, this and its backend may go only after the URL map no longer names them.
    create_before_destroy = true
  }

  depends_on = [terraform_data.ready]
}

resource "google_compute_backend_service" "edge" {
  for_each = local.hosts

  project               = var.project_id
  name                  = "nsps-edge-${each.key}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.edge[0].id

  backend {
    group = google_compute_region_network_endpoint_group.edge[each.key].id
  }

  lifecycle {
    create_before_destroy = true # see the endpoint group
  }

  log_config {
    enable      = true
    sample_rate = 1 # refused requests appear only here
  }
}

resource "google_compute_url_map" "edge" {
  count = var.edge == null ? 0 : 1

  project = var.project_id
  name    = "nsps-edge"
  # For unknown hosts. The certificate does not name them, and the allow-list and the token apply to them, too.
  default_service = values(google_compute_backend_service.edge)[0].id

  dynamic "host_rule" {
    for_each = local.hosts
    content {
      hosts        = [host_rule.value]
      path_matcher = host_rule.key
    }
  }

  dynamic "path_matcher" {
    for_each = local.hosts
    content {
      name            = path_matcher.key
      default_service = google_compute_backend_service.edge[path_matcher.key].id
    }
  }
}

# One for each host. The domains of a certificate cannot change, and a new one needs up to an hour: with one for
# all, another connector would cut off those that are there. Its name depends on the host.
resource "google_compute_managed_ssl_certificate" "edge" {
  for_each = local.hosts

  project = var.project_id
  name    = "nsps-edge-${each.key}-${substr(sha256(each.value), 0, 8)}"

  managed {
    domains = [each.value]
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [terraform_data.ready]
}

resource "google_compute_ssl_policy" "edge" {
  count = var.edge == null ? 0 : 1

  project         = var.project_id
  name            = "nsps-edge"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [terraform_data.ready]
}

resource "google_compute_target_https_proxy" "edge" {
  count = var.edge == null ? 0 : 1

  project          = var.project_id
  name             = "nsps-edge"
  url_map          = google_compute_url_map.edge[0].id
  ssl_certificates = values(google_compute_managed_ssl_certificate.edge)[*].id
  ssl_policy       = google_compute_ssl_policy.edge[0].id
}

resource "google_compute_global_forwarding_rule" "edge" {
  count = var.edge == null ? 0 : 1

  project               = var.project_id
  name                  = "nsps-edge"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge[0].id
  port_range            = "443"
  target                = google_compute_target_https_proxy.edge[0].id
}
