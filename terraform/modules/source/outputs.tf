output "dir" {
  description = "The directory of the repository, from which the mapping file is read."
  value       = var.dir
}

output "files" {
  description = "The files in the zip."
  value       = local.files
}

output "hash" {
  description = "Hash of what is in the zip; the object in Cloud Storage is named by it."
  value       = local.hash
}

output "zip" {
  description = "Path of the zip, in build/ of the repository."
  value       = data.archive_file.this.output_path
}
