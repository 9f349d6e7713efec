// The rule "a subscriber changed" of mappings/wtl-hlr-hss.yaml.
const refuse = (status, error) => {
  msg.statusCode = status;
  msg.payload = {message: error, error: error, type: "VALIDATION_ERROR"};
  return [null, msg];
};
if ((msg.req.headers.authorization || "") !== "Bearer " + env.get("API_TOKEN")) {
  return refuse(401, "Invalid access token");
}
const event = msg.payload, data = event.pb_data || {}, account = data.account_info;
const sim = data.sim_info || {};
if (event.data.event_type.toLowerCase() !== "sim/updated") return refuse(202, "no rule");
if (!/^[0-9]{15}$/.test(sim.imsi || "")) return refuse(422, "IMSI must be 15 digits");
if (!account) return refuse(422, "account_info is missing");
const out = ["blocked", "customer_blocked", "suspended", "closed", "inactive", "expired"];
const open = account.bill_status === "open";
const served = open && !account.blocked && !out.includes(account.status);
const number = (account.id || "").split("@")[0];
const attribute = (name) => {
  const found = ((data.access_policy_info || {}).attributes || []).find((a) => a.name === name);
  return found ? found.value : "default";
};
const profile = /^[a-zA-Z][-_.a-zA-Z0-9]*$/;
const cs = attribute("cs_profile"), eps = attribute("eps_profile");
if (!profile.test(cs) || !profile.test(eps)) return refuse(422, "not a valid profile name");
msg.url = env.get("WTL_API_URL") + "/prov";
msg.method = "POST";
msg.headers = {
  "content-type": "application/json",
  "authorization": "Bearer " + env.get("WTL_API_TOKEN"),
};
msg.payload = {
  imsi: sim.imsi,
  action: "update",
  subscriber_status: served ? "serviceGranted" : "operatorDeterminedBarring",
  msisdn: ["open", "suspended"].includes(account.bill_status) && number ? [number] : [],
  cs_profile: cs,
  eps_profile: eps,
};
return [msg, null];
