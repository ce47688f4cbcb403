/** After a full run no secret is anywhere but where it was given out: not in the log, the answers, or any file of the data. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { type Issuer, startIssuer } from "./issuer.ts";

const ADMIN_PASSWORD = `admin-${randomBytes(12).toString("hex")}`;
const PASSWORD = `person-${randomBytes(12).toString("hex")}`;
const NEW_PASSWORD = `person-${randomBytes(12).toString("hex")}`;
/** Mistakes that people make: the password in place of the name, and a token in the address. */
const MISTYPED = `mistyped-${randomBytes(12).toString("hex")}`;
/** The file that `npm start` keeps its own secrets in. */
const OWN_SECRETS = "secrets.json";

let data: string;
let issuer: Issuer;
let server: Server;
/** Every secret that was given out or typed in, by name. */
const secrets: Record<string, string> = { ADMIN_PASSWORD, PASSWORD, NEW_PASSWORD, MISTYPED };
/** The bodies of all answers, except those that return a secret. */
const answers: string[] = [];

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
  issuer = await startIssuer();
  server = await startServer({ data, env: { ADMIN_PASSWORD, ALLOW_INSECURE_ISSUERS: "true" } });
});

afterAll(async () => {
  await server.stop();
  await issuer.stop();
  await rm(data, { recursive: true, force: true });
});

test("no secret is in the log, in an answer, in an address or in the data", async () => {
  await run();
  // Until the queue has delivered what was refused.
  await expect.poll(() => audited("login"), { interval: 500 }).toBeGreaterThan(3);
  const places = await everything();
  expect(places.size).toBeGreaterThan(5);
  expect(Object.keys(secrets).length).toBeGreaterThanOrEqual(10);
  const found = Object.entries(secrets).flatMap(([name, secret]) =>
    [...places].flatMap(([place, text]) => (text.includes(secret) ? `${name} in ${place}` : [])),
  );
  expect(found).toEqual([]);
});

test("what is looked for would be found: a name that was given is in the data and in the answers", async () => {
  const places = await everything();
  const found = [...places].flatMap(([place, text]) => (text.includes("alice") ? place : []));
  expect(found.some((place) => place.includes("sqlite"))).toBe(true);
  expect(found).toContain("an answer");
  expect(found).toContain("the log");
});

/** Everybody logs in, rightly and wrongly, and does something. */
async function run(): Promise<void> {
  const admin = `admin:${ADMIN_PASSWORD}`;
  const alice = `alice:${PASSWORD}`;
  await api("POST", "users", admin, { name: "alice", password: PASSWORD });
  await api("POST", "namespaces", admin, { name: "acme", owner: "alice" });
  secrets["token"] = await given("tokens", alice, { description: "laptop" });
  secrets["robot"] = await given("namespaces/acme/robots", alice, {
    name: "ci",
    scopes: [{ repositories: "acme/*", actions: ["push"] }],
  });
  await api("POST", "namespaces/acme/trust-rules", alice, {
    name: "jobs",
    issuer: issuer.url,
    audience: server.url,
    claims: { repository: ["acme/app"] },
    scopes: [{ repositories: "acme/*", actions: ["push"] }],
  });
  const idToken = await issuer.sign({ aud: server.url, repository: "acme/app" });
  const foreign = await issuer.sign({ aud: server.url, repository: "evil/app" });
  secrets["ID token"] = idToken;
  secrets["refused ID token"] = foreign;
  secrets["credential"] = await exchange(idToken);
  await api("POST", "oidc/exchange", null, { token: foreign, namespaces: ["acme"] });
  for (const [name, credentials] of Object.entries({
    admin,
    alice,
    "alice's token": `alice:${secrets["token"]}`,
    robot: `acme+ci:${secrets["robot"]}`,
    workload: `oidc:${idToken}`,
    exchanged: `oidc:${secrets["credential"]}`,
  })) {
    secrets[`registry token of ${name}`] = await pushWith(credentials);
  }
  for (const wrong of [
    `${MISTYPED}:alice`,
    `alice:${MISTYPED}`,
    `alice:${secrets["robot"]}`,
    `oidc:${foreign}`,
  ]) {
    await keep(await fetch(`${server.url}/token?account=alice`, { headers: basic(wrong) }));
  }
  await keep(await fetch(`${server.url}/v2/?token=${secrets["robot"]}`));
  await keep(await fetch(`${server.url}/${secrets["robot"]}`));
  await keep(await fetch(`${server.url}/v2/acme/app/tags/list?last=${secrets["token"]}`));
  await api("PUT", "me/password", alice, { current: PASSWORD, password: NEW_PASSWORD });
  await api("PUT", "me/password", alice, { current: PASSWORD, password: NEW_PASSWORD });
  secrets["session"] = await signIn("alice", NEW_PASSWORD);
  for (const path of ["me", "sessions", "namespaces/acme/audit"]) await byCookie("GET", path);
  await byCookie("PUT", "me/password", { current: MISTYPED, password: PASSWORD });
  await api("POST", "sessions", null, { name: MISTYPED, password: MISTYPED });
  await keep(await fetch(`${server.url}/api/v1/sessions?${secrets["session"]}`));
  await keep(await fetch(`${server.url}/api/v1/sessions/${secrets["session"]}`));
  for (const path of ["users", "audit", "namespaces/acme/robots", "namespaces/acme/trust-rules"]) {
    await api("GET", path, admin);
  }
}

/** Pushes a blob as clients do. @returns the registry token */
async function pushWith(credentials: string): Promise<string> {
  const scope = "repository:acme/app:pull,push";
  const answer = await fetch(`${server.url}/token?service=${server.host}&scope=${scope}`, {
    headers: basic(credentials),
  });
  expect(answer.status).toBe(200);
  const { token } = await answer.json<{ token: string }>();
  const headers = { authorization: `Bearer ${token}` };
  const url = `${server.url}/v2/acme/app/blobs/uploads/`;
  const begun = await keep(await fetch(url, { method: "POST", headers }));
  expect(begun.status).toBe(202);
  const location = new URL(begun.headers.get("location") ?? "", url);
  await keep(await fetch(location, { method: "PATCH", headers, body: "some bytes" }));
  await keep(await fetch(location, { method: "DELETE", headers }));
  await keep(await fetch(`${server.url}/v2/other/app/tags/list`, { headers }));
  return token;
}

async function api(
  method: string,
  path: string,
  credentials: string | null,
  body?: object,
): Promise<Response> {
  return keep(await call(method, path, credentials, body));
}

/** Makes a call that returns a secret, once. */
async function given(path: string, credentials: string, body: object): Promise<string> {
  const answer = await call("POST", path, credentials, body);
  expect(answer.status).toBe(201);
  return (await answer.json<{ secret: string }>()).secret;
}

/** Signs in. @returns the cookie's secret */
async function signIn(name: string, password: string): Promise<string> {
  const answer = await call("POST", "sessions", null, { name, password });
  expect(answer.status).toBe(201);
  const [, secret = ""] = /=(slps_[^;]+)/.exec(answer.headers.get("set-cookie") ?? "") ?? [];
  expect(secret).not.toBe("");
  return secret;
}

async function byCookie(method: string, path: string, body?: object): Promise<void> {
  const cookie = `__Host-slipway=${secrets["session"]}`;
  const headers = { cookie, origin: server.url, "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${server.url}/api/v1/${path}`, { method, headers, ...sent });
  expect(answer.status).toBe(method === "GET" ? 200 : 400);
  await keep(answer);
}

async function exchange(token: string): Promise<string> {
  const answer = await call("POST", "oidc/exchange", null, { token, namespaces: ["acme"] });
  expect(answer.status).toBe(200);
  return (await answer.json<{ password: string }>()).password;
}

function call(method: string, path: string, credentials: string | null, body?: object) {
  return fetch(`${server.url}/api/v1/${path}`, {
    method,
    headers: {
      ...(credentials === null ? {} : basic(credentials)),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

function basic(credentials: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}

async function keep(answer: Response): Promise<Response> {
  const headers = JSON.stringify([...answer.headers]);
  answers.push(headers, await answer.clone().text());
  return answer;
}

async function audited(action: string): Promise<number> {
  const path = `audit?action=${action}`;
  const answer = await api("GET", path, `admin:${ADMIN_PASSWORD}`);
  return (await answer.json<{ items: unknown[] }>()).items.length;
}

/** Reads every place where a secret could have been left. */
async function everything(): Promise<Map<string, string>> {
  const places = new Map([
    ["the log", server.log.join("\n")],
    ["an answer", answers.join("\n")],
  ]);
  const files = await readdir(data, { recursive: true, withFileTypes: true });
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    if (!file.isFile() || file.name === OWN_SECRETS) continue;
    places.set(path, await readFile(path, "latin1"));
  }
  return places;
}
