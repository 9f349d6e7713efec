// An OAuth2 server for the tests: npm's oidc-provider with the grants that a connector uses.
//
//   node server.mjs FOLDER SETTINGS
//
// FOLDER has the packages, SETTINGS is JSON: see `OAuthSettings` in __init__.py. The first line of
// the output is the port. Beside the provider's own paths (/token, /token/introspection, /jwks):
//
//   GET  /control/requests   the requests for a token: grant, scope, status
//   POST /control/end        all access tokens end; with ?refresh=1 also all refresh tokens
//   POST /control/fail       ?times=2&status=503: so many requests for a token fail
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const { resolve } = createRequire(`${folder}/`);
const load = (name) => import(pathToFileURL(resolve(name)).href);
const { default: Provider, errors } = await load("oidc-provider");
const jose = await load("jose");

const PASSWORD = "password";
const ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const requests = [];
let failing = { times: 0, status: 503 };

// Where the provider keeps what it issued: one map, so that tokens can end at any time.
const kept = new Map();
class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { kept.set(this.key(id), payload); }
  async find(id) { return kept.get(this.key(id)); }
  async consume(id) { kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { kept.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
  }
}
const end = (models) => {
  for (const key of kept.keys()) if (models.includes(key.split(":")[0])) kept.delete(key);
};

const pem = await jose.importSPKI(settings.public_key, "RS256", { extractable: true });
const keys = { keys: [{ ...(await jose.exportJWK(pem)), alg: "RS256", use: "sig" }] };
const client = (id, more) => ({
  client_id: id, client_secret: settings.client_secret,
  redirect_uris: [], response_types: [], ...more,
});
const byDefault = settings.default_resource ? settings.resource : undefined;
const resourceServer = {
  scope: settings.scopes.join(" "),
  accessTokenFormat: settings.format,
  accessTokenTTL: settings.lifetime,
  ...(settings.format === "jwt" && { jwt: { sign: { alg: "RS256" } } }),
};

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  adapter: Memory,
  clients: [
    client("basic", { grant_types: ["client_credentials", PASSWORD, "refresh_token"] }),
    client("post", {
      grant_types: ["client_credentials", PASSWORD, "refresh_token"],
      token_endpoint_auth_method: "client_secret_post",
    }),
    client("signed", {
      client_secret: undefined, grant_types: ["client_credentials"], jwks: keys,
      token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "RS256",
    }),
    client("assertion", {
      client_secret: undefined, grant_types: [ASSERTION], token_endpoint_auth_method: "none",
    }),
    client("resource", { grant_types: [] }),
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => byDefault,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => {
        if (resource !== settings.resource) throw new errors.InvalidTarget();
        return resourceServer;
      },
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: settings.rotate,
  scopes: ["offline_access", ...settings.scopes],
  ttl: {
    AccessToken: settings.lifetime, ClientCredentials: settings.lifetime,
    RefreshToken: settings.refresh_lifetime, Grant: 86_400,
  },
});

// The scopes of a request that the resource has, as one text.
const granted = (ctx) => {
  const wanted = (ctx.oidc.params.scope ?? "").split(" ");
  return wanted.filter((scope) => settings.scopes.includes(scope)).join(" ");
};

// Issue tokens for a user or a service account; `refresh`: with a refresh token.
const issue = async (ctx, accountId, gty, refresh) => {
  const resource = ctx.oidc.params.resource ?? byDefault;
  if (resource !== settings.resource) throw new errors.InvalidTarget();
  const grant = new provider.Grant({ accountId, clientId: ctx.oidc.client.clientId });
  grant.addResourceScope(resource, settings.scopes.join(" "));
  const grantId = await grant.save();
  const common = { accountId, client: ctx.oidc.client, grantId, gty, scope: granted(ctx) };
  const token = new provider.AccessToken(common);
  token.resourceServer = new provider.ResourceServer(resource, resourceServer);
  const access_token = await token.save();
  const { expiration, scope } = token;
  ctx.body = { access_token, expires_in: expiration, scope, token_type: "Bearer" };
  if (refresh) {
    const refreshToken = new provider.RefreshToken({ ...common, resource, rotations: 0 });
    ctx.body.refresh_token = await refreshToken.save();
  }
};

provider.registerGrantType(PASSWORD, async (ctx) => {
  const { username, password } = ctx.oidc.params;
  if (username !== settings.username || password !== settings.password) {
    throw new errors.InvalidGrant("invalid credentials");
  }
  await issue(ctx, username, PASSWORD, ctx.oidc.client.grantTypeAllowed("refresh_token"));
}, ["username", "password", "scope", "resource"]);

const used = new Set(); // an assertion that has a `jti` is good once (RFC 7523, 3)
provider.registerGrantType(ASSERTION, async (ctx) => {
  let claims;
  try {
    const rules = {
      issuer: settings.service_account, audience: `${issuer}/token`, algorithms: ["RS256"],
      requiredClaims: ["exp", "iat"], maxTokenAge: "1h",
    };
    const known = jose.createLocalJWKSet(keys);
    ({ payload: claims } = await jose.jwtVerify(ctx.oidc.params.assertion ?? "", known, rules));
  } catch (error) {
    throw new errors.InvalidGrant(`invalid assertion: ${error.code}`);
  }
  if (used.has(claims.jti)) throw new errors.InvalidGrant("assertion was used before");
  if (claims.jti) used.add(claims.jti);
  ctx.oidc.params.scope ??= claims.scope; // Google's way: the scope is a claim
  await issue(ctx, claims.sub ?? claims.iss, ASSERTION, false);
}, ["assertion", "scope", "resource"]);

const body = async (request) => {
  let read = "";
  for await (const chunk of request) read += chunk;
  return read;
};

// A request for a token; one with an assertion needs no client of its own (RFC 7523, 3.1).
const token = async (request, response) => {
  const given = new URLSearchParams(await body(request));
  if (given.has("audience")) given.set("resource", given.get("audience")); // the name at Auth0
  const note = { grant: given.get("grant_type"), scope: given.get("scope"), status: null };
  requests.push(note);
  if (failing.times > 0) {
    failing.times -= 1;
    note.status = failing.status;
    response.writeHead(failing.status).end("out of order");
    return;
  }
  if (note.grant === ASSERTION) given.set("client_id", "assertion");
  request.body = Object.fromEntries(given);
  response.on("finish", () => { note.status = response.statusCode; });
  provider.callback()(request, response);
};

const control = (url, response) => {
  if (url.pathname === "/control/requests") return response.end(JSON.stringify(requests));
  if (url.pathname === "/control/end") {
    end(["AccessToken", "ClientCredentials"]);
    if (url.searchParams.has("refresh")) end(["RefreshToken"]);
  }
  if (url.pathname === "/control/fail") {
    const [times, status] = ["times", "status"].map((name) => Number(url.searchParams.get(name)));
    failing = { times, status };
  }
  return response.end("{}");
};

server.on("request", (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname.startsWith("/control/")) control(url, response);
  else if (url.pathname === "/token") token(request, response);
  else provider.callback()(request, response);
});
console.log(server.address().port);
