module.exports = {
  uiHost: "127.0.0.1",
  uiPort: process.env.PORT,
  userDir: process.env.NODE_RED_USER,
  flowFile: process.env.NODE_RED_FLOW,
  credentialSecret: false,
  httpAdminRoot: false,
  telemetry: {enabled: false},
  logging: {console: {level: "warn"}},
};
