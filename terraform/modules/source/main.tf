# The function's source: exactly what runs. .gcloudignore names the same four.
#
# A module of its own, without dependencies: if Terraform could not read it before the APIs are enabled,
# the first plan would print every line of the source.

locals {
  files = sort([
    for file in setunion(
      ["main.py", "requirements.txt"],
      fileset(var.dir, "connector/**"),
      fileset(var.dir, "mappings/**"),
    ) : file if !can(regex("(^|/)__pycache__/|[.](pyc|md)$|(^|/)[.]", file))
  ])
  # Of the files and not of the zip: the same on every machine.
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
