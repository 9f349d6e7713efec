variable "dir" {
  description = "Directory of the repository, which holds main.py, requirements.txt, connector/ and mappings/."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.dir}/main.py") && fileexists("${var.dir}/requirements.txt")
    error_message = "dir must be the repository's directory: main.py and requirements.txt are not there."
  }
}
