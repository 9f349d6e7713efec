variable "dir" {
  description = "Directory of the repository, which holds main.py, requirements.txt, connector/ and mappings/."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.dir}/main.py") && fileexists("${var.dir}/requirements.txt")
    error_message = "dir must be the repository's directory: main.py and requirements.txt are not there."
  }
}

variable "mapping" {
  description = "The mapping file that the function serves, relative to the repository, such as mappings/wtl-hlr-hss.yaml. Terraform reads from it which protocol the external system speaks."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^mappings/[^/]+[.]yaml$", var.mapping)) && fileexists("${var.dir}/${var.mapping}")
    error_message = "mapping must be a file of the repository's mappings directory, such as mappings/wtl-hlr-hss.yaml; ${var.mapping} is not one."
  }
}

variable "shadow" {
  description = "A mapping file that plans beside `mapping` and sends nothing (docs/shadow.md), relative to the repository; null for none. It must speak the same protocol."
  type        = string
  default     = null

  validation {
    condition     = var.shadow == null ? true : can(regex("^mappings/[^/]+[.]yaml$", var.shadow)) && fileexists("${var.dir}/${var.shadow}")
    error_message = "shadow must be a file of the repository's mappings directory, such as mappings/new.yaml; ${coalesce(var.shadow, "-")} is not one."
  }
}
