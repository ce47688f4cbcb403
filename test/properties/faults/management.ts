/** Requests of the management API, a line each. */
import { env } from "cloudflare:workers";
import { addRobot, addRule, addSecret } from "../../support/accounts.ts";
import { basic, type RegistryClient } from "../../support/client.ts";
import { blob, imageManifest } from "../../support/images.ts";
import { newNamespace, newUser } from "../../support/principals.ts";
import { addSession, type Browser } from "../../support/sign-in.ts";
import type { Attempt, Scenario } from "./run.ts";

/** The names in the paths and bodies; all of them exist. */
interface Place {
  readonly namespace: string;
  /** A repository without content. */
  readonly empty: string;
  readonly user: string;
  readonly authorization: string;
  readonly robot: string;
  readonly robotToken: string;
  readonly token: string;
  readonly rule: string;
  /** A session's id, and the browser that has it. */
  readonly session: string;
  readonly browser: Browser;
  /** A name that is not in use. */
  readonly unused: string;
  readonly name: string;
  readonly digest: string;
}

const SCOPES = (namespace: string) => [
  { repositories: `${namespace}/*`, actions: ["pull" as const] },
];
const RULE = (namespace: string) => ({
  issuer: "https://issuer.example",
  audience: "https://registry.test",
  claims: { sub: ["someone"] },
  scopes: SCOPES(namespace),
});

async function makePlace(client: RegistryClient): Promise<Place> {
  const namespace = await newNamespace();
  const empty = await newNamespace();
  const config = await client.pushBlob(blob());
  const { digest } = await client.pushManifest(imageManifest({ config }), "latest");
  const user = await newUser({ [`${namespace}/*`]: "reader" });
  const robot = await addRobot(namespace, SCOPES(namespace));
  const { id: robotToken } = await addSecret({ robot });
  const { id: token } = await addSecret({ user: user.name, scopes: SCOPES(namespace) });
  const rule = await addRule(namespace, RULE(namespace));
  const [, robotName = ""] = robot.split("+");
  const [, ruleName = ""] = rule.split("+");
  const names = { namespace, empty, robot: robotName, rule: ruleName, name: client.repository };
  const unused = `x${crypto.randomUUID().slice(0, 8)}`;
  const { name, authorization } = user;
  const browser = await addSession(name);
  const session = { session: browser.id, browser };
  return { ...names, ...session, user: name, authorization, robotToken, token, unused, digest };
}

interface Options extends Omit<Partial<Attempt>, "send" | "expects"> {
  readonly name?: string;
  readonly status?: number;
  readonly query?: string;
  readonly body?: (place: Place) => object;
  readonly as?: (place: Place) => string;
  /** Whether it is sent with the session, not with credentials. */
  readonly bySession?: true;
  /** Other values of the path's parameters. */
  readonly path?: (place: Place) => Record<string, string>;
  /** The preparation before the request. */
  readonly given?: (client: RegistryClient, place: Place) => Promise<unknown>;
}

/** @param endpoint `METHOD path` below the API's root */
function api(endpoint: string, options: Options = {}): Scenario {
  const { name = "", status = 200, query = "", body, as, ...more } = options;
  const { bySession, path, given, ...attempt } = more;
  const [method = "", pattern = ""] = endpoint.split(" ");
  return {
    name,
    route: `${method} /api/v1${pattern}`,
    ...(method === "GET" ? { reads: true } : {}),
    prepare: async (client) => {
      const place = await makePlace(client);
      await given?.(client, place);
      const { browser: _browser, ...known } = place;
      const values: Record<string, string> = { ...known, ...path?.(place) };
      const url = pattern.replaceAll(/:(\w+)\+?/g, (_, key: string) => values[key] ?? key);
      const text = body === undefined ? null : JSON.stringify(body(place));
      return {
        ...attempt,
        expects: [status],
        send: (sender) => {
          const own = as === undefined ? sender : sender.as(as(place));
          const caller = bySession === undefined ? own : sender.as(null);
          const cookie = bySession === undefined ? {} : place.browser.headers;
          const type = text === null ? {} : { "content-type": "application/json" };
          const headers = { ...cookie, ...type };
          return caller.request(method, `/api/v1${url}${query}`, { headers, body: text });
        },
      };
    },
  };
}

/** Creates something; a repeated or concurrent request is told that it exists. */
function creates(
  endpoint: string,
  body: Options["body"] & {},
  action: string,
  more: Options = {},
): Scenario {
  return api(endpoint, { status: 201, body, actions: [action], repeated: [409], ...more });
}

/** Makes a change that can be repeated. */
function changes(
  endpoint: string,
  body: Options["body"] & {},
  action: string,
  more: Options = {},
): Scenario {
  return api(endpoint, { body, actions: [action], ...more });
}

/** A request that is repeated answers that nothing of that name exists. */
function deletes(endpoint: string, action: string, more: Options = {}): Scenario {
  return api(endpoint, { status: 204, actions: [action], repeated: [404], ...more });
}

/** Ends all leases, and the export has not begun. */
const idle = () =>
  env.DB.prepare(`UPDATE jobs SET lease_until = 0, state = json_remove(state, '$.full')`).run();
const remove = (client: RegistryClient, reference: string) =>
  client.request("DELETE", `manifests/${reference}`);
const POLICY = () => {
  const selection = { tagStatus: "untagged", countType: "imageCountMoreThan", countNumber: 1 };
  return { rules: [{ rulePriority: 1, selection, action: { type: "expire" } }] };
};
const IN_NAMESPACE = "/namespaces/:namespace";
const EXCEPTIONS = `${IN_NAMESPACE}/vulnerability-exceptions`;
const EXCEPTION = { vulnerability: "CVE-2024-3094", reason: "not reachable" };
const SIGNER = `${IN_NAMESPACE}/signers/:signer`;
const SIGNER_NAME = { path: () => ({ signer: "release" }) };
const KEYLESS = { kind: "keyless", issuer: "https://issuer.example", identity: "a@example.com" };
const EXCEPTION_ID = "0123456789abcdef";
const IN_REPOSITORY = "/repositories/:name+";
const OWN = { path: ({ robotToken }: Place) => ({ token: robotToken }) };

const LAST_OWNER = {
  name: "the last owner of a namespace",
  given: (_: RegistryClient, { namespace, user }: Place) =>
    env.DB.prepare(`UPDATE members SET role = 'owner' WHERE namespace = ?1 AND user = ?2`)
      .bind(namespace, user)
      .run(),
};

/** An event that its subscriber failed to receive. What is compared before and after has no dead events. */
const DEAD = {
  noted: true,
  path: () => ({ event: "jobs-5" }),
  given: () =>
    env.DB.prepare(
      `INSERT OR REPLACE INTO dead_events (subscriber, seq, event, error, since)
       VALUES ('jobs', 5, json_object('order', 5, 'time', 0, 'action', 'gc'), 'x', 0)`,
    ).run(),
};

export const MANAGEMENT: readonly Scenario[] = [
  ...["/me", "/users", "/users/:user", "/tokens", "/namespaces", IN_NAMESPACE].map((path) =>
    api(`GET ${path}`),
  ),
  ...[
    "members",
    "robots",
    "robots/:robot",
    "trust-rules",
    "trust-rules/:rule",
    "audit",
    "quota",
  ].map((path) => api(`GET ${IN_NAMESPACE}/${path}`)),
  ...[
    "/repositories",
    "/search",
    IN_REPOSITORY,
    "/audit",
    "/gc",
    "/fsck",
    "/exports",
    "/deleted-repositories",
    "/events/dead",
  ].map((path) => api(`GET ${path}`)),
  changes("POST /events/dead/:event/retry", () => ({}), "event.retry", {
    ...DEAD,
    status: 204,
    repeated: [404],
  }),
  deletes("DELETE /events/dead/:event", "event.drop", DEAD),
  ...[
    "tags",
    "manifests",
    "manifests/:digest",
    "manifests/:digest/raw",
    "manifests/:digest/details",
    "manifests/:digest/referrers",
    "pulls",
    "history",
    "deleted",
  ].map((path) => api(`GET ${IN_REPOSITORY}/-/${path}`)),

  ...[IN_NAMESPACE + "/retention", IN_REPOSITORY + "/-/retention"].flatMap((path) => [
    api(`GET ${path}`),
    changes(`PUT ${path}`, POLICY, "retention.set"),
    deletes(`DELETE ${path}`, "retention.remove", {
      given: (client, { namespace, name }) => {
        const url = path.replace(":namespace", namespace).replace(":name+", name);
        const headers = { "content-type": "application/json" };
        return client.request("PUT", `/api/v1${url}`, { headers, body: JSON.stringify(POLICY()) });
      },
    }),
  ]),
  api(`POST ${IN_REPOSITORY}/-/retention/preview`, { body: POLICY }),

  ...[IN_NAMESPACE + "/scan-policy", IN_REPOSITORY + "/-/scan-policy"].flatMap((path) => [
    api(`GET ${path}`),
    changes(`PUT ${path}`, () => ({ severity: "high" }), "policy.set"),
    deletes(`DELETE ${path}`, "policy.remove", {
      given: (client, { namespace, name }) => {
        const url = path.replace(":namespace", namespace).replace(":name+", name);
        const headers = { "content-type": "application/json" };
        return client.request("PUT", `/api/v1${url}`, { headers, body: '{"severity":"high"}' });
      },
    }),
  ]),
  api(`GET ${EXCEPTIONS}`),
  changes(`POST ${EXCEPTIONS}`, () => EXCEPTION, "exception.create", { status: 201 }),
  deletes(`DELETE ${EXCEPTIONS}/:exception`, "exception.delete", {
    path: () => ({ exception: EXCEPTION_ID }),
    given: (_, { namespace }) =>
      env.DB.prepare(
        `INSERT OR REPLACE INTO scan_exceptions (id, namespace, vulnerability, reason, author, created_at)
         VALUES (?1, ?2, 'CVE-2024-3094', 'x', 'x', 0)`,
      )
        .bind(EXCEPTION_ID, namespace)
        .run(),
  }),
  api(`GET ${IN_NAMESPACE}/signers`),
  changes(`PUT ${SIGNER}`, () => KEYLESS, "signer.set", {
    ...SIGNER_NAME,
    status: 201,
    repeated: [200],
  }),
  deletes(`DELETE ${SIGNER}`, "signer.remove", {
    ...SIGNER_NAME,
    given: (client, { namespace }) =>
      client.request(
        "PUT",
        `/api/v1${SIGNER.replace(":namespace", namespace).replace(":signer", "release")}`,
        {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(KEYLESS),
        },
      ),
  }),
  api(`GET ${IN_REPOSITORY}/-/manifests/:digest/signatures`),
  api(`GET ${IN_REPOSITORY}/-/manifests/:digest/attached-reports`),
  ...["packages", "sbom"].map((path) => api(`GET ${IN_REPOSITORY}/-/manifests/:digest/${path}`)),
  api(`GET ${IN_REPOSITORY}/-/manifests/:digest/vulnerability-report`, { status: 404 }),
  api(`GET ${IN_REPOSITORY}/-/manifests/:digest/vulnerabilities`),
  api("GET /vulnerable-images", { query: "?vulnerability=CVE-2024-3094" }),
  api(`POST ${IN_REPOSITORY}/-/manifests/:digest/scan`, {
    status: 204,
    body: () => ({}),
    actions: ["image.rescan"],
    given: (_, { digest }) =>
      env.DB.prepare(
        "INSERT INTO scans (manifest_id, due_at) SELECT id, 0 FROM manifests WHERE digest = ?1 ON CONFLICT DO NOTHING",
      )
        .bind(digest)
        .run(),
  }),

  creates("POST /users", ({ unused }) => ({ name: unused, password: PASSWORD }), "user.create"),
  changes("PATCH /users/:user", () => ({ admin: true }), "user.update"),
  changes("PATCH /users/:user", () => ({ disabled: true }), "user.update", { name: "disabled" }),
  deletes("DELETE /users/:user", "user.delete"),
  api("DELETE /users/:user", { status: 409, ...LAST_OWNER }),
  api("PATCH /users/:user", { status: 409, body: () => ({ disabled: true }), ...LAST_OWNER }),
  api(`DELETE ${IN_NAMESPACE}/members/:user`, { status: 409, ...LAST_OWNER }),
  api("PUT /me/password", {
    status: 204,
    body: () => ({ current: PASSWORD, password: `${PASSWORD}, a new one` }),
    as: ({ user }) => basic(user, PASSWORD),
    actions: ["user.update"],
    // The password of the request is no longer the right one.
    repeated: [400, 401, 412],
  }),
  api("PUT /me/password", {
    name: "by a session",
    status: 204,
    body: () => ({ current: PASSWORD, password: `${PASSWORD}, a new one` }),
    bySession: true,
    actions: ["user.update"],
    // The session of the request has ended by then.
    repeated: [400, 401, 412],
  }),
  api("POST /sessions", {
    status: 201,
    body: ({ user }) => ({ name: user, password: PASSWORD }),
    bySession: true,
    // It takes the place of the session that it is sent with.
    actions: ["session.begin", "session.end"],
  }),
  api("GET /sessions", { bySession: true }),
  deletes("DELETE /sessions/:session", "session.end"),
  deletes("DELETE /sessions/:session", "session.end", {
    name: "its own",
    bySession: true,
    repeated: [401, 404],
  }),
  creates("POST /tokens", () => ({ description: "test" }), "token.create"),
  changes("PATCH /tokens/:token", () => ({ expiresInDays: 9 }), "token.update"),
  deletes("DELETE /tokens/:token", "token.delete"),
  creates("POST /namespaces", ({ unused }) => ({ name: unused }), "namespace.create"),
  changes(`PATCH ${IN_NAMESPACE}`, () => ({ visibility: "public" }), "namespace.update"),
  deletes(`DELETE ${IN_NAMESPACE}`, "namespace.delete", {
    path: ({ empty }) => ({ namespace: empty }),
  }),
  changes(`PUT ${IN_NAMESPACE}/quota`, () => ({ bytes: 1_000_000 }), "quota.update"),
  changes(`PUT ${IN_NAMESPACE}/members/:user`, () => ({ role: "writer" }), "member.set"),
  deletes(`DELETE ${IN_NAMESPACE}/members/:user`, "member.remove"),
  creates(
    `POST ${IN_NAMESPACE}/robots`,
    ({ unused, namespace }) => ({ name: unused, scopes: SCOPES(namespace) }),
    "robot.create",
  ),
  changes(`PATCH ${IN_NAMESPACE}/robots/:robot`, () => ({ description: "new" }), "robot.update"),
  changes(`PATCH ${IN_NAMESPACE}/robots/:robot`, () => ({ disabled: true }), "robot.update", {
    name: "disabled",
  }),
  deletes(`DELETE ${IN_NAMESPACE}/robots/:robot`, "robot.delete"),
  creates(`POST ${IN_NAMESPACE}/robots/:robot/tokens`, () => ({}), "robot.token.create"),
  changes(
    `PATCH ${IN_NAMESPACE}/robots/:robot/tokens/:token`,
    () => ({ expiresInDays: 9 }),
    "robot.token.update",
    OWN,
  ),
  deletes(`DELETE ${IN_NAMESPACE}/robots/:robot/tokens/:token`, "robot.token.delete", OWN),
  creates(
    `POST ${IN_NAMESPACE}/trust-rules`,
    ({ unused, namespace }) => ({ name: unused, ...RULE(namespace) }),
    "rule.create",
  ),
  changes(`PATCH ${IN_NAMESPACE}/trust-rules/:rule`, () => ({ lifetime: 60 }), "rule.update"),
  deletes(`DELETE ${IN_NAMESPACE}/trust-rules/:rule`, "rule.delete"),
  creates(
    "POST /repositories",
    ({ namespace, unused }) => ({ name: `${namespace}/${unused}` }),
    "repository.create",
  ),
  api("POST /repositories", {
    name: "more than the quota allows",
    status: 403,
    body: ({ namespace, unused }) => ({ name: `${namespace}/${unused}` }),
    given: (_, { namespace }) => limit(namespace, "repositories", 0),
  }),
  changes(`PATCH ${IN_REPOSITORY}`, () => ({ description: "new" }), "repository.update"),
  deletes(`DELETE ${IN_REPOSITORY}`, "repository.delete"),
  deletes(`DELETE ${IN_REPOSITORY}/-/manifests/:reference`, "tag.delete", {
    name: "a tag",
    path: () => ({ reference: "latest" }),
  }),
  deletes(`DELETE ${IN_REPOSITORY}/-/manifests/:reference`, "manifest.delete", {
    name: "a manifest",
    path: ({ digest }) => ({ reference: digest }),
  }),
  changes(`POST ${IN_REPOSITORY}/-/delete`, () => ({ tags: ["latest"] }), "tag.delete", {
    name: "a tag",
  }),
  changes(
    `POST ${IN_REPOSITORY}/-/delete`,
    ({ digest }) => ({ digests: [digest] }),
    "manifest.delete",
    { name: "a manifest" },
  ),

  changes(`POST ${IN_REPOSITORY}/-/restore`, () => ({ tag: "latest" }), "tag.restore", {
    name: "a tag",
    given: (client) => remove(client, "latest"),
  }),
  changes(`POST ${IN_REPOSITORY}/-/restore`, ({ digest }) => ({ digest }), "manifest.restore", {
    name: "a manifest",
    given: (client, { digest }) => remove(client, digest),
  }),
  changes(
    `POST ${IN_REPOSITORY}/-/restore`,
    () => ({ repository: "newest" }),
    "repository.restore",
    {
      name: "a repository",
      repeated: [404, 409],
      given: (client, { name }) => client.request("DELETE", `/api/v1/repositories/${name}`),
    },
  ),
  changes(`POST ${IN_REPOSITORY}/-/purge`, () => ({ tag: "latest" }), "tag.purge", {
    name: "a tag",
    repeated: [404],
  }),
  changes(`POST ${IN_REPOSITORY}/-/purge`, ({ digest }) => ({ digest }), "manifest.purge", {
    name: "a manifest",
    repeated: [404],
  }),
  changes(`POST ${IN_REPOSITORY}/-/purge`, () => ({ repository: "live" }), "repository.purge", {
    name: "a repository",
    repeated: [404],
  }),
  changes(`POST ${IN_REPOSITORY}/-/purge`, () => ({ repository: "newest" }), "repository.purge", {
    name: "a deleted repository",
    repeated: [404],
    given: (client, { name }) => client.request("DELETE", `/api/v1/repositories/${name}`),
  }),
  ...["/gc", "/fsck", "/exports/steps"].map((path) =>
    api(`POST ${path}`, { body: () => ({}), given: idle, later: idle }),
  ),
  changes("POST /exports", () => ({}), "export.begin", { given: idle, later: idle, noted: true }),
  // Nothing can be imported here: upkeep.test.ts imports.
  ...["/import", "/import/objects"].map((path) =>
    // Only one runs at a time; the other is told to try again.
    api(`POST ${path}`, {
      body: () => ({}),
      status: 409,
      repeated: [503],
      given: idle,
      later: idle,
    }),
  ),
];

const PASSWORD = "a password of twelve and more";

export async function limit(
  namespace: string,
  what: "bytes" | "repositories",
  most: number,
): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO quotas (namespace, ${what}) VALUES (?1, ?2) ON CONFLICT (namespace) DO UPDATE SET ${what} = ?2`,
  )
    .bind(namespace, most)
    .run();
}
