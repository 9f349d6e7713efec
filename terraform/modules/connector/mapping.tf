# Facts that Terraform reads from the mapping file, so that nobody must write them twice.

locals {
  mapping  = yamldecode(file("${var.source_code.dir}/${var.mapping.file}"))
  settings = try(local.mapping.settings, {})

  secret_names = toset(concat(
    ["API_TOKEN", "HASH_KEY"],
    [for name, setting in local.settings : setting.secret if can(setting.secret)],
  ))
  known_variables = toset([for name, setting in local.settings : setting.env if can(setting.env)])
  required_variables = toset([
    for name, setting in local.settings : setting.env
    if can(setting.env) && !can(setting.default) && !try(setting.optional, false)
  ])
  missing_variables = setsubtract(local.required_variables, keys(var.mapping.variables))
  unknown_variables = setsubtract(keys(var.mapping.variables), local.known_variables)

  # The largest number of calls per second of one instance; null if the mapping sets no limit.
  rate_limit = try(tonumber(trimsuffix(local.mapping.system.http.rate_limit, "/s")), null)

  # The number of sessions that the system allows the connector's user; null if the mapping names none.
  # Each instance has one.
  sessions = try(tonumber(local.mapping.system.http.auth.login.sessions), null)

  # Terraform follows YAML 1.1 and reads the key `on` without quotes as `true`.
  event_types = sort(distinct(flatten([for rule in local.mapping.rules : try(rule.on, rule["true"])])))

  # The parts of an event that the rules and values read, by their names in expressions.
  expressions = jsonencode([try(local.mapping.values, {}), local.mapping.rules])
  parts = {
    account  = "account_info"
    sim      = "sim_info"
    prev_sim = "prev_sim_info"
    policy   = "access_policy_info"
    product  = "product_info"
    counters = "full_vd_counter_info"
  }
  required_data = [
    for name, part in local.parts : part
    if can(regex("\\b${name}(\\.|\\[| \\|)|\\bin ${name}\\b", local.expressions))
  ]
}
