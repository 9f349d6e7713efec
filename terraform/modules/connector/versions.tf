terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    google = { source = "hashicorp/google", version = ">= 7.21, < 8.0" } # 7.21 is the first version with Direct VPC egress
    random = { source = "hashicorp/random", version = "~> 3.7" }         # 3.7 is the first version with ephemeral passwords
  }
}
