/**
 * One request for each route, with the status where it is allowed. They change nothing: their targets do not exist, or
 * their bodies are wrong in a way that is checked only after the credentials.
 */
const DIGEST = `sha256:${"0".repeat(64)}`;
const UPLOAD = "00000000-0000-4000-8000-000000000000";
const TOKEN = "0123456789abcdef";
const MALFORMED = "{}";
/** JSON that no route accepts. */
const WRONG = '{"nonsense":1}';

/** The right that a route needs. */
export type Need =
  /** The route ignores credentials, also wrong ones. */
  | "anybody"
  | "nothing"
  /** A registry token, also an anonymous one. */
  | "a token"
  | "to be someone"
  /** The caller must have logged in by password. */
  | "to be a person"
  /** The caller's password must be stored here; the built-in administrator's is a secret of the deployment. */
  | "to have a password here"
  /** The caller must send what it exchanged an ID token for. It would end that, so no principal does. */
  | "to have exchanged"
  | "pull"
  | "push"
  | "delete"
  | "maintain"
  | "own"
  | "administer";

export interface Attempt {
  readonly need: Need;
  readonly path: string;
  readonly body?: string;
  /** The status where the request is allowed. */
  readonly status: number;
}

const APP = "/v2/acme/app";
const API = "/api/v1";

/** The requests by `METHOD path` of the route table. */
export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "GET /v2": { need: "nothing", path: "/v2/", status: 200 },
  "GET /v2/:name+/blobs/:digest": { need: "pull", path: `${APP}/blobs/${DIGEST}`, status: 404 },
  "GET /v2/:name+/manifests/:reference": {
    need: "pull",
    path: `${APP}/manifests/none`,
    status: 404,
  },
  "POST /v2/:name+/blobs/uploads": {
    need: "push",
    path: `${APP}/blobs/uploads/?digest=wrong`,
    status: 400,
  },
  "PATCH /v2/:name+/blobs/uploads/:upload": {
    need: "push",
    path: `${APP}/blobs/uploads/${UPLOAD}`,
    status: 404,
  },
  "PUT /v2/:name+/blobs/uploads/:upload": {
    need: "push",
    path: `${APP}/blobs/uploads/${UPLOAD}?digest=${DIGEST}`,
    status: 404,
  },
  "PUT /v2/:name+/manifests/:target": {
    need: "push",
    path: `${APP}/manifests/v1`,
    body: MALFORMED,
    status: 400,
  },
  "GET /v2/:name+/tags/list": { need: "pull", path: `${APP}/tags/list`, status: 404 },
  "DELETE /v2/:name+/manifests/:reference": {
    need: "delete",
    path: `${APP}/manifests/none`,
    status: 404,
  },
  "DELETE /v2/:name+/blobs/:digest": {
    need: "delete",
    path: `${APP}/blobs/${DIGEST}`,
    status: 404,
  },
  "GET /v2/:name+/referrers/:digest": {
    need: "pull",
    path: `${APP}/referrers/${DIGEST}`,
    status: 200,
  },
  "GET /v2/:name+/blobs/uploads/:upload": {
    need: "push",
    path: `${APP}/blobs/uploads/${UPLOAD}`,
    status: 404,
  },
  "DELETE /v2/:name+/blobs/uploads/:upload": {
    need: "push",
    path: `${APP}/blobs/uploads/${UPLOAD}`,
    status: 404,
  },
  "GET /v2/_catalog": { need: "a token", path: "/v2/_catalog", status: 200 },
  "GET /v1/_ping": { need: "anybody", path: "/v1/_ping", status: 200 },
  "GET /v1/search": { need: "nothing", path: "/v1/search?q=app", status: 200 },
  "GET /": { need: "anybody", path: "/", status: 200 },
  "GET /login": { need: "anybody", path: "/login", status: 200 },
  "GET /repositories/*": { need: "anybody", path: "/repositories/acme/app", status: 200 },
  "GET /namespaces/*": { need: "anybody", path: "/namespaces/acme/members", status: 200 },
  "GET /vulnerable-images": { need: "anybody", path: "/vulnerable-images", status: 200 },
  "GET /account/*": { need: "anybody", path: "/account/tokens", status: 200 },
  "GET /admin/*": { need: "anybody", path: "/admin/users", status: 200 },
  "GET /assets/*": { need: "anybody", path: "/assets/old-ABCDEFGH.js", status: 404 },
  "OPTIONS /": { need: "anybody", path: "/", status: 204 },
  "GET /healthz": { need: "anybody", path: "/healthz", status: 200 },
  "GET /readyz": { need: "anybody", path: "/readyz", status: 200 },
  "GET /token": { need: "nothing", path: "/token", status: 200 },
  "POST /token": { need: "to be someone", path: "/token", status: 200 },

  ...api({
    "GET /openapi.json": ["nothing", 200],
    "POST /oidc/exchange": ["nothing", 400, WRONG],
    "DELETE /oidc/credential": ["to have exchanged", 204],
    "GET /me": ["to be someone", 200],
    "PUT /me/password": ["to have a password here", 400, WRONG],
    "POST /sessions": ["nothing", 400, WRONG],
    "GET /sessions": ["to be a person", 200],
    "DELETE /sessions/:session": ["to be a person", 404],
    "GET /tokens": ["to be a person", 200],
    "POST /tokens": ["to be a person", 400, WRONG],
    "PATCH /tokens/:token": ["to be a person", 400, WRONG],
    "DELETE /tokens/:token": ["to be a person", 404],
    "GET /users": ["administer", 200],
    "POST /users": ["administer", 400, WRONG],
    "GET /users/:user": ["administer", 404],
    "PATCH /users/:user": ["administer", 400, WRONG],
    "DELETE /users/:user": ["administer", 404],
    "GET /namespaces": ["to be someone", 200],
    "POST /namespaces": ["administer", 400, WRONG],
    "GET /namespaces/:namespace": ["own", 200],
    "PATCH /namespaces/:namespace": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace": ["administer", 409],
    "GET /namespaces/:namespace/quota": ["own", 200],
    "PUT /namespaces/:namespace/quota": ["administer", 400, WRONG],
    "GET /namespaces/:namespace/members": ["own", 200],
    "PUT /namespaces/:namespace/members/:user": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/members/:user": ["own", 404],
    "GET /namespaces/:namespace/robots": ["own", 200],
    "POST /namespaces/:namespace/robots": ["own", 400, WRONG],
    "GET /namespaces/:namespace/robots/:robot": ["own", 404],
    "PATCH /namespaces/:namespace/robots/:robot": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/robots/:robot": ["own", 404],
    "POST /namespaces/:namespace/robots/:robot/tokens": ["own", 400, WRONG],
    "PATCH /namespaces/:namespace/robots/:robot/tokens/:token": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/robots/:robot/tokens/:token": ["own", 404],
    "GET /namespaces/:namespace/trust-rules": ["own", 200],
    "POST /namespaces/:namespace/trust-rules": ["own", 400, WRONG],
    "GET /namespaces/:namespace/trust-rules/:rule": ["own", 404],
    "PATCH /namespaces/:namespace/trust-rules/:rule": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/trust-rules/:rule": ["own", 404],
    "GET /namespaces/:namespace/audit": ["own", 200],
    "GET /exports": ["administer", 200],
    "POST /exports": ["administer", 400, WRONG],
    "POST /exports/steps": ["administer", 400, WRONG],
    "POST /import": ["administer", 400, WRONG],
    "POST /import/objects": ["administer", 400, WRONG],
    "GET /audit": ["administer", 200],
    "GET /events/dead": ["administer", 200],
    "POST /events/dead/:event/retry": ["administer", 400, WRONG],
    "DELETE /events/dead/:event": ["administer", 404],
    "GET /fsck": ["administer", 200],
    "POST /fsck": ["administer", 400, WRONG],
    "GET /gc": ["administer", 200],
    "POST /gc": ["administer", 400, WRONG],
    "GET /repositories": ["nothing", 200],
    "POST /repositories": ["to be someone", 400, WRONG],
    "GET /repositories/:name+": ["pull", 404],
    "PATCH /repositories/:name+": ["maintain", 400, WRONG],
    "DELETE /repositories/:name+": ["maintain", 404],
    "GET /repositories/:name+/-/tags": ["pull", 404],
    "GET /repositories/:name+/-/manifests": ["pull", 404],
    "GET /repositories/:name+/-/manifests/:digest": ["pull", 404],
    "GET /repositories/:name+/-/manifests/:digest/raw": ["pull", 404],
    "DELETE /repositories/:name+/-/manifests/:reference": ["delete", 404],
    "GET /repositories/:name+/-/manifests/:digest/details": ["pull", 404],
    "GET /repositories/:name+/-/manifests/:digest/referrers": ["pull", 404],
    "GET /search": ["nothing", 200],
    "GET /repositories/:name+/-/pulls": ["pull", 404],
    "GET /repositories/:name+/-/history": ["push", 404],
    "GET /repositories/:name+/-/deleted": ["delete", 404],
    "POST /repositories/:name+/-/retention/preview": ["maintain", 400, WRONG],
    "GET /repositories/:name+/-/retention": ["maintain", 404],
    "PUT /repositories/:name+/-/retention": ["maintain", 400, WRONG],
    "DELETE /repositories/:name+/-/retention": ["maintain", 404],
    "GET /namespaces/:namespace/retention": ["own", 200],
    "PUT /namespaces/:namespace/retention": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/retention": ["own", 404],
    "GET /repositories/:name+/-/manifests/:digest/packages": ["pull", 404],
    "GET /repositories/:name+/-/manifests/:digest/sbom": ["pull", 404],
    "GET /repositories/:name+/-/manifests/:digest/vulnerabilities": ["pull", 404],
    "POST /repositories/:name+/-/manifests/:digest/scan": ["push", 404, MALFORMED],
    "GET /repositories/:name+/-/manifests/:digest/signatures": ["pull", 404],
    "GET /namespaces/:namespace/signers": ["own", 200],
    "PUT /namespaces/:namespace/signers/:signer": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/signers/:signer": ["own", 404],
    "GET /repositories/:name+/-/manifests/:digest/vulnerability-report": ["pull", 404],
    "GET /repositories/:name+/-/manifests/:digest/attached-reports": ["pull", 404],
    "GET /vulnerable-images": ["to be someone", 400],
    "GET /repositories/:name+/-/scan-policy": ["pull", 404],
    "PUT /repositories/:name+/-/scan-policy": ["own", 400, WRONG],
    "DELETE /repositories/:name+/-/scan-policy": ["own", 404],
    "GET /namespaces/:namespace/scan-policy": ["own", 200],
    "PUT /namespaces/:namespace/scan-policy": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/scan-policy": ["own", 404],
    "GET /namespaces/:namespace/vulnerability-exceptions": ["own", 200],
    "POST /namespaces/:namespace/vulnerability-exceptions": ["own", 400, WRONG],
    "DELETE /namespaces/:namespace/vulnerability-exceptions/:exception": ["own", 404],
    "POST /repositories/:name+/-/delete": ["delete", 400, WRONG],
    "POST /repositories/:name+/-/restore": ["delete", 400, WRONG],
    "POST /repositories/:name+/-/purge": ["maintain", 400, WRONG],
    "GET /deleted-repositories": ["to be someone", 200],
  }),
};

/** Makes the requests of the management API, by `METHOD path` below its root: the need, the status and the body. */
function api(
  table: Readonly<Record<string, readonly [Need, number, string?]>>,
): Record<string, Attempt> {
  const values: Readonly<Record<string, string>> = {
    ":name+": "acme/app",
    ":namespace": "acme",
    ":digest": DIGEST,
    ":reference": DIGEST,
    ":token": TOKEN,
    ":session": TOKEN,
    ":user": "nobody",
    ":robot": "nobody",
    ":rule": "nothing",
    ":event": "jobs-1",
    ":exception": TOKEN,
    ":signer": "nobody",
  };
  return Object.fromEntries(
    Object.entries(table).map(([route, [need, status, body]]) => {
      const [method, pattern = ""] = route.split(" ");
      const path = API + pattern.replaceAll(/:\w+\+?/g, (name) => values[name] ?? name);
      const attempt = { need, path, status, ...(body === undefined ? {} : { body }) };
      return [`${method} ${API}${pattern}`, attempt];
    }),
  );
}
