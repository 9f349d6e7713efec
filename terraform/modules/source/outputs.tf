output "dir" {
  description = "Directory of the repository; the mapping file is read from there."
  value       = var.dir
}

output "files" {
  description = "The files in the zip."
  value       = keys(local.origins)
}

output "hash" {
  description = "Hash of the files in the zip; the name of the object in Cloud Storage contains it."
  value       = local.hash
}

output "zip" {
  description = "Path of the zip, in build/ of the repository."
  value       = data.archive_file.this.output_path
}
