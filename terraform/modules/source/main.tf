# The function's source for one mapping file: exactly the files that run. The code of other protocols and other mapping
# files stay out, so a connector is deployed again only if one of its own files has changed. The zip's requirements.txt
# is the list of packages of the protocol (docs/decisions/0044-extras.md).
#
# This is a separate module without dependencies. So Terraform can read the source before the APIs are
# enabled; otherwise the first plan would print every line of the source.

locals {
  system   = yamldecode(file("${var.dir}/${var.mapping}")).system
  protocol = [for name in keys(local.system) : name if name != "replies"][0]
  http2    = try(local.system[local.protocol].http2, false)

  # The room of a protocol is a folder below connector/systems. SOAP is spoken over HTTP, and needs its room.
  rooms = concat([local.protocol], local.protocol == "soap" ? ["http"] : [], local.http2 ? ["http/http2"] : [])

  shadow_protocols = var.shadow == null ? [] : [for name in keys(yamldecode(file("${var.dir}/${var.shadow}")).system) : name if name != "replies"]

  # A protocol with a library of its own has a list of its own, named after it.
  own_list     = "requirements/${local.http2 ? "http2" : local.protocol}.txt"
  requirements = fileexists("${var.dir}/${local.own_list}") ? local.own_list : "requirements.txt"

  code = [
    for file in fileset(var.dir, "connector/**") : file
    if !can(regex("(^|/)__pycache__/|[.](pyc|md)$|(^|/)[.]", file))
    && try(contains(local.rooms, regex("^connector/systems/(http/http2|[^/]+)/", file)[0]), true)
  ]
  origins = merge(
    { for file in concat(["main.py", var.mapping], var.shadow[*], local.code) : file => file },
    { "requirements.txt" = local.requirements },
  )
  # The hash is made from the files and not from the zip, so it is the same on every machine.
  hash = substr(sha256(jsonencode({ for file, origin in local.origins : file => filesha256("${var.dir}/${origin}") })), 0, 16)
}

data "archive_file" "this" {
  type        = "zip"
  output_path = "${var.dir}/build/source-${local.hash}.zip"

  dynamic "source" {
    for_each = local.origins
    content {
      filename = source.key
      content  = file("${var.dir}/${source.value}")
    }
  }

  lifecycle {
    precondition {
      condition     = alltrue([for protocol in local.shadow_protocols : protocol == local.protocol])
      error_message = "${coalesce(var.shadow, "-")} must speak ${local.protocol}, as ${var.mapping} does: only the code of this protocol is deployed."
    }
  }
}
