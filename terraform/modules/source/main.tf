# The function's source: exactly the files that run. .gcloudignore names the same four entries.
#
# This is a separate module without dependencies. So Terraform can read the source before the APIs are
# enabled; otherwise the first plan would print every line of the source.

locals {
  files = sort([
    for file in setunion(
      ["main.py", "requirements.txt"],
      fileset(var.dir, "connector/**"),
      fileset(var.dir, "mappings/**"),
    ) : file if !can(regex("(^|/)__pycache__/|[.](pyc|md)$|(^|/)[.]", file))
  ])
  # The hash is made from the files and not from the zip, so it is the same on every machine.
  hash = substr(sha256(jsonencode({ for file in local.files : file => filesha256("${var.dir}/${file}") })), 0, 16)
}

data "archive_file" "this" {
  type        = "zip"
  output_path = "${var.dir}/build/source-${local.hash}.zip"

  dynamic "source" {
    for_each = local.files
    content {
      filename = source.value
      content  = file("${var.dir}/${source.value}")
    }
  }
}
