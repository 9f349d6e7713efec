# Facts that Terraform reads from the mapping file, so that nobody must write them twice.

locals {
  mapping  = yamldecode(file("${var.source_code.dir}/${var.mapping.file}"))
  shadow   = [for file in var.mapping.shadow[*] : yamldecode(file("${var.source_code.dir}/${file}"))]
  files    = join(" with ", concat([var.mapping.file], var.mapping.shadow[*]))
  settings = merge(concat([for shadow in local.shadow : try(shadow.settings, {})], [try(local.mapping.settings, {})])...)

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

  # The entry of the protocol under `system`, whichever it is.
  system = [for name, entry in local.mapping.system : entry if name != "replies"][0]

  # The largest number of calls per second of one instance; null if the mapping sets no limit.
  rate_limit = try(tonumber(trimsuffix(local.system.rate_limit, "/s")), null)

  # The number of sessions that the system allows the connector's user; null if the mapping names none.
  sessions = try(tonumber(local.system.auth.login.sessions), tonumber(local.system.sessions), null)
  # The number of sessions that one instance opens. Over lines each connection is a session.
  sessions_per_instance = can(local.mapping.system.line) ? try(tonumber(local.system.concurrency), 1) : 1

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
