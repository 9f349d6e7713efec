terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    google = { source = "hashicorp/google", version = ">= 6.0, < 8.0" }
    random = { source = "hashicorp/random", version = "~> 3.7" } # 3.7 is the first version with ephemeral passwords
  }
}
