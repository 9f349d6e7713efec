output "accounts" {
  description = "E-mail addresses of the accounts that plan and deploy. Set `deployer` of the root to the second."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "workload_identity_provider" {
  description = "Full name of the provider, for the CI's step that logs in; null without `federation`."
  value       = one(google_iam_workload_identity_pool_provider.ci[*].name)
}
