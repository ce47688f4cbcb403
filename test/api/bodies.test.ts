/** What every route that takes a body refuses, before anything else. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { API_ROUTES } from "../../src/api/routes.ts";
import { auditEvent, BY_ITSELF } from "../../src/db/audit.ts";
import { DeadEventStore } from "../../src/events/dead-store.ts";
import { anyAddress } from "../support/accounts.ts";
import { ADMIN, RegistryClient } from "../support/client.ts";
import { index } from "../support/images.ts";
import { sample } from "../support/sample.ts";
import {
  api,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  PASSWORD,
  refused,
  unused,
} from "../support/management.ts";
import { pushImage, scanJob } from "../scan/images.ts";
import { turn } from "../support/jobs.ts";
import { addSession } from "../support/sign-in.ts";

/** The names in the paths. All of them exist, so that an action that runs too early leaves a trace. */
let place: Readonly<Record<string, string>>;
let owner: string;
let person: string;

const SCOPES = () => [{ repositories: `${place[":namespace"]}/*`, actions: ["pull"] }];
const POLICY = () => ({
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 9 },
      action: { type: "expire" },
    },
  ],
});
const RULE = () => ({
  name: unused("rule"),
  issuer: "https://issuer.example",
  audience: "https://registry.test",
  claims: { sub: ["someone"] },
  scopes: SCOPES(),
});

/** Every route with a body, with a body that it accepts; null where another party would have to sign it. */
const BODIES: Readonly<Record<string, (() => object) | null>> = {
  "POST /api/v1/users": () => ({ name: unused("user"), password: PASSWORD }),
  "PATCH /api/v1/users/:user": () => ({ admin: true }),
  "POST /api/v1/sessions": () => ({ name: person, password: PASSWORD }),
  "POST /api/v1/tokens": () => ({ description: "test" }),
  "PATCH /api/v1/tokens/:token": () => ({ expiresInDays: 30 }),
  "POST /api/v1/namespaces": () => ({ name: unused("space") }),
  "PATCH /api/v1/namespaces/:namespace": () => ({ visibility: "public" }),
  "PUT /api/v1/namespaces/:namespace/quota": () => ({ bytes: 1_000_000 }),
  "PUT /api/v1/namespaces/:namespace/members/:user": () => ({ role: "owner" }),
  "POST /api/v1/namespaces/:namespace/robots": () => ({ name: unused("robot"), scopes: SCOPES() }),
  "PATCH /api/v1/namespaces/:namespace/robots/:robot": () => ({ description: "another" }),
  "POST /api/v1/namespaces/:namespace/robots/:robot/tokens": () => ({}),
  "PATCH /api/v1/namespaces/:namespace/robots/:robot/tokens/:token": () => ({ expiresInDays: 30 }),
  "POST /api/v1/namespaces/:namespace/trust-rules": RULE,
  "PATCH /api/v1/namespaces/:namespace/trust-rules/:rule": () => ({ lifetime: 60 }),
  "POST /api/v1/oidc/exchange": null,
  "POST /api/v1/gc": () => ({}),
  "POST /api/v1/events/dead/:event/retry": () => ({}),
  "POST /api/v1/fsck": () => ({ hash: 0 }),
  "POST /api/v1/exports": () => ({}),
  "POST /api/v1/exports/steps": () => ({}),
  "POST /api/v1/import": null,
  "POST /api/v1/import/objects": null,
  "POST /api/v1/repositories": () => ({ name: `${place[":namespace"]}/${unused("app")}` }),
  "PATCH /api/v1/repositories/:name+": () => ({ description: "another" }),
  "POST /api/v1/repositories/:name+/-/retention/preview": POLICY,
  "PUT /api/v1/repositories/:name+/-/retention": POLICY,
  "PUT /api/v1/namespaces/:namespace/retention": POLICY,
  "PUT /api/v1/repositories/:name+/-/scan-policy": () => ({ severity: "high" }),
  "PUT /api/v1/namespaces/:namespace/scan-policy": () => ({ severity: "high" }),
  "POST /api/v1/namespaces/:namespace/vulnerability-exceptions": () => ({
    vulnerability: "CVE-2024-3094",
    reason: "not reachable",
  }),
  "POST /api/v1/repositories/:name+/-/manifests/:digest/scan": () => ({}),
  "PUT /api/v1/namespaces/:namespace/signers/:signer": () => ({
    kind: "keyless",
    issuer: "https://issuer.example",
    identity: "someone@example.com",
  }),
  "POST /api/v1/repositories/:name+/-/delete": () => ({ tags: ["v1"] }),
  "POST /api/v1/repositories/:name+/-/restore": () => ({ tag: "v1" }),
  "POST /api/v1/repositories/:name+/-/purge": () => ({ tag: "v1" }),
  "PUT /api/v1/me/password": () => ({ current: PASSWORD, password: `${PASSWORD}, a new one` }),
};
const ROUTES = Object.keys(BODIES).map((route) => route.split(" ") as [string, string]);
const CHANGES = API_ROUTES.filter(({ method }) => method !== "GET");

beforeAll(async () => {
  const made = await makeNamespace();
  const { namespace } = made;
  const user = await makeUser();
  owner = made.owner.authorization;
  person = user.name;
  const session = (await addSession(user.name)).id;
  place = {
    ":namespace": namespace,
    ":user": user.name,
    ":name+": `${namespace}/app`,
    ":reference": "latest",
    ":exception": "0123456789abcdef",
    ":signer": "release",
  };
  place = { ...place, ":session": session };
  const within = `/namespaces/${namespace}`;
  await done("PUT", `${within}/members/${user.name}`, { role: "reader" });
  const robot = { name: "robot", scopes: SCOPES() };
  const { tokens: secrets } = await done<{ tokens: [{ id: string }] }>(
    "POST",
    `${within}/robots`,
    robot,
  );
  await done("POST", `${within}/trust-rules`, { ...RULE(), name: "rule" });
  const client = new RegistryClient({ repository: `${namespace}/app` });
  await turn(scanJob());
  const { digest } = await pushImage(client, [], "image");
  place = { ...place, ":digest": digest };
  await client.pushManifest(index([]), "v1");
  await client.request("DELETE", "manifests/v1");
  await makeToken(user);
  const as = user.authorization;
  const tokens = await done<{ items: [{ id: string }] }>("GET", "/tokens", undefined, { as });
  const event = auditEvent(BY_ITSELF, { action: "import.end", reference: "x" }, "done");
  await new DeadEventStore(env.DB).add("jobs", { ...event, order: 1 }, "Error: broken");
  place = { ...place, ":event": "jobs-1" };
  place = { ...place, ":robot": "robot", ":rule": "rule", ":token": tokens.items[0].id };
  place = { ...place, ":robot/tokens/:token": `robot/tokens/${secrets[0].id}` };
});

function call(path: string): string {
  return path
    .replace("/api/v1", "")
    .replaceAll(/:robot\/tokens\/:token|:\w+\+?/g, (name) => place[name] ?? name);
}

/** Returns a caller with the right; the administrator's own password cannot be changed here. */
function caller(path: string): string {
  return path.endsWith("/me/password") ? owner : ADMIN;
}

test("these are the routes that take a body", () => {
  const routes = CHANGES.filter(({ method }) => method !== "DELETE");
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(BODIES).toSorted()).toEqual(names.toSorted());
});

const WRONG: readonly [string, string, number][] = [
  ["nothing", "", 400],
  ["no JSON", "{", 400],
  ["JSON and more", "{}{}", 400],
  ["half of a character", '{"\\ud800":1}', 400],
  ["null", "null", 400],
  ["a list", "[]", 400],
  ["a text", '"x"', 400],
  ["an unknown field", '{"unknown":1}', 400],
  ["too much", `{"name":"${"x".repeat(256 * 1024)}"}`, 413],
];
const REFUSED = ROUTES.flatMap(([method, path]) =>
  WRONG.map(([what, body, status]) => ({ method, path, what, body, status })),
);

test.each(sample("routes × wrong bodies", REFUSED, { few: 40 }))(
  "$method $path refuses $what",
  async ({ method, path, body, status }) => {
    const answer = await refused(method, call(path), body, { as: caller(path) });
    expect(answer.status).toBe(status);
  },
);

/** What a form of some other site could send. */
const TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"];
const OF_A_FORM = ROUTES.flatMap(([method, path]) => TYPES.map((type) => ({ method, path, type })));

test.each(sample("routes × media types", OF_A_FORM, { few: 20 }))(
  "$method $path refuses a body that is $type",
  async ({ method, path, type }) => {
    const options = { as: caller(path), headers: { "content-type": type } };
    const answer = await refused(method, call(path), "{}", options);
    expect(answer).toEqual({ status: 415, code: "MEDIA_TYPE_UNSUPPORTED" });
  },
);

test.each(CHANGES.map(({ method, path }) => [method, path] as const))(
  "%s %s: not without credentials, nor with wrong ones",
  async (method, path) => {
    const body = method === "DELETE" ? undefined : {};
    if (!path.endsWith("/exchange") && !`${method} ${path}`.endsWith("POST /api/v1/sessions")) {
      expect((await refused(method, call(path), body, { as: null })).status).toBe(401);
    }
    const options = { as: "Bearer nonsense", headers: { "cf-connecting-ip": anyAddress() } };
    expect((await refused(method, call(path), body, options)).status).toBe(401);
  },
);

// Runs last: these requests were refused only for their bodies, since a right body is accepted.
test.each(ROUTES)("%s %s: takes a body that is right", async (method, path) => {
  const body = BODIES[`${method} ${path}`]?.();
  if (body === undefined) return;
  const response = await api(method, call(path), body, { as: caller(path) });
  expect(response.ok, await response.clone().text()).toBe(true);
});

test.each([
  ["half of a surrogate pair", String.raw`{"name":"a","password":"\ud800aaaaaaaaaaaaaaa"}`],
  ["a key twice", '{"name":"a","name":"b","password":"aaaaaaaaaaaaaaaa"}'],
  ["deeply nested", `{"name":${"[".repeat(60_000)}${"]".repeat(60_000)}}`],
])("%s is refused", async (_, body) => {
  const headers = { "content-type": "application/json" };
  const response = await new RegistryClient().request("POST", "/api/v1/users", { headers, body });
  expect(response.status).toBe(400);
});
