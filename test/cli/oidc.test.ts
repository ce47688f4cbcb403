/** The login of a CI job by its ID token, against a registry and an issuer of its own. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { CliError } from "../../src/cli/error.ts";
import { exchange, idToken, revoke } from "../../src/cli/remote/oidc.ts";
import { type Issuer, startIssuer } from "../server/issuer.ts";
import { type JobTokens, startJobTokens } from "../server/job-tokens.ts";

const AUDIENCE = "https://registry.example.com/?x=1&y=2";
const VARIABLES = [
  "SLIPWAY_ID_TOKEN",
  "SLIPWAY_ID_TOKEN_FILE",
  "ACTIONS_ID_TOKEN_REQUEST_URL",
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "GITHUB_ACTIONS",
  "GITHUB_EVENT_NAME",
  "GITHUB_EVENT_PATH",
  "GITHUB_REPOSITORY",
  "GITHUB_SERVER_URL",
  "CI_PROJECT_ID",
  "CI_PROJECT_PATH",
  "HTTP_PROXY",
  "SLIPWAY_AUDIENCE",
];

let server: Server;
let issuer: Issuer;
let jobs: JobTokens;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-oidc-"));
  issuer = await startIssuer();
  jobs = await startJobTokens(issuer);
  server = await startServer({ env: { ALLOW_INSECURE_ISSUERS: "true" } });
  await call("/namespaces", { name: "acme" });
  await call("/namespaces/acme/trust-rules", {
    name: "app",
    issuer: issuer.url,
    audience: server.url,
    claims: { repository_id: ["123"] },
    scopes: [{ repositories: "acme/*", actions: ["push"] }],
  });
});

beforeEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
  jobs.claims = {};
  jobs.requests = 0;
  jobs.faults.length = 0;
});

afterEach(() => {
  vi.unstubAllEnvs();
});

afterAll(async () => {
  await server.stop();
  await jobs.stop();
  await issuer.stop();
  await rm(folder, { recursive: true, force: true });
});

async function call(path: string, body: object): Promise<void> {
  const authorization = `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
  const headers = { authorization, "content-type": "application/json" };
  const url = `${server.url}/api/v1${path}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status, await response.text()).toBe(201);
}

function setEnv(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

async function refusalOf(promise: Promise<unknown>): Promise<CliError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof CliError) return error;
  throw new Error("it was not refused", { cause: error });
}

/** @returns the refusal with its next step, as a log shows it */
async function saidBy(promise: Promise<unknown>): Promise<string> {
  const { message, hint } = await refusalOf(promise);
  return `${message}. ${hint}`.replaceAll("\u00A0", " ");
}

async function inFile(text: string): Promise<string> {
  const file = join(folder, crypto.randomUUID());
  await writeFile(file, text);
  return file;
}

test("a token that the environment gives is taken before any other", async () => {
  setEnv({ ...jobs.env, SLIPWAY_ID_TOKEN: " gi.v.en\n", SLIPWAY_ID_TOKEN_FILE: "/nowhere" });
  expect(await idToken(AUDIENCE)).toBe("gi.v.en");
  expect(jobs.requests).toBe(0);
});

test("another secret that stands where the ID token should is not sent", async () => {
  const login = { namespaces: ["acme"], audience: AUDIENCE };
  setEnv({ SLIPWAY_ID_TOKEN: "ghp_0123456789" });
  const given = await refusalOf(exchange("http://127.0.0.1:1", login));
  expect([given.code, given.message]).toEqual([
    "NO_ID_TOKEN",
    "what SLIPWAY_ID_TOKEN has is no ID token",
  ]);
});

test("nor is what the file has, if it is another secret", async () => {
  const file = await inFile("two.parts");
  setEnv({ SLIPWAY_ID_TOKEN_FILE: file });
  expect((await refusalOf(idToken(AUDIENCE))).message).toBe(
    `what the file of SLIPWAY_ID_TOKEN_FILE, ${file}, has is no ID token`,
  );
});

test("a file is read each time, as its CI may write a new token into it", async () => {
  const file = await inFile("o.n.e\n");
  setEnv({ SLIPWAY_ID_TOKEN_FILE: file });
  expect(await idToken(AUDIENCE)).toBe("o.n.e");
  await writeFile(file, "t.w.o\n");
  expect(await idToken(AUDIENCE)).toBe("t.w.o");
  await writeFile(file, "\n");
  expect((await refusalOf(idToken(AUDIENCE))).message).toBe(
    `the file of SLIPWAY_ID_TOKEN_FILE is empty: ${file}`,
  );
});

test("GitHub's service is asked for a token of this audience, with the job's secret", async () => {
  setEnv(jobs.env);
  expect(decodeJwt(await idToken(AUDIENCE)).aud).toBe(AUDIENCE);
});

test("a service that fails is asked again; one that refuses, or answers without a token, is not", async () => {
  setEnv(jobs.env);
  jobs.faults.push([500, ""], [503, "busy"]);
  expect(decodeJwt(await idToken(AUDIENCE)).aud).toBe(AUDIENCE);
  expect(jobs.requests).toBe(3);
  const { origin } = new URL(jobs.env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "");
  for (const [status, body, said] of [
    [403, "no", "403"],
    [200, "{}", "without an ID token"],
    [200, "<html>", "without an ID token"],
  ] as const) {
    jobs.requests = 0;
    jobs.faults.push([status, body]);
    const { message, code } = await refusalOf(idToken(AUDIENCE));
    expect([message, code]).toEqual([
      `the CI's token service at ${origin} answered ${said}`,
      "NO_ID_TOKEN",
    ]);
    expect(jobs.requests).toBe(1);
  }
});

test("a job of GitHub's without the permission is told which to add", async () => {
  setEnv({ GITHUB_ACTIONS: "true", GITHUB_EVENT_NAME: "push" });
  const said = await saidBy(idToken(AUDIENCE));
  expect(said).toContain("this job may not ask for an ID token. Add permissions: ");
  expect(said).toContain("{ contents: read, id-token: write }");
});

test.each([
  ["in a fork", { fork: true }, "a pull request from a fork"],
  ["in a fork that is deleted", null, "a pull request from a fork"],
  ["in the repository itself", { fork: false }, "may not ask for an ID token"],
])("a pull request whose branch is %s is told what it lacks", async (_, repo, words) => {
  const GITHUB_EVENT_PATH = await inFile(JSON.stringify({ pull_request: { head: { repo } } }));
  setEnv({ GITHUB_ACTIONS: "true", GITHUB_EVENT_NAME: "pull_request", GITHUB_EVENT_PATH });
  expect(await saidBy(idToken(AUDIENCE))).toContain(words);
});

test("outside of GitHub the variables are named that a token is taken from", async () => {
  const said = await saidBy(idToken(AUDIENCE));
  expect(said).toContain("there is no ID token to log in with. Give one for the audience ");
  expect(said).toContain(`${AUDIENCE} in SLIPWAY_ID_TOKEN`);
});

test("a network that is left by a proxy alone is left by it (HTTP_PROXY)", async () => {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(request.url ?? "");
    response.end(JSON.stringify({ value: "by the proxy" }));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  setEnv({
    HTTP_PROXY: `http://127.0.0.1:${port}`,
    ACTIONS_ID_TOKEN_REQUEST_URL: "http://tokens.example/token?api-version=2.0",
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "secret",
  });
  expect(await idToken("a")).toBe("by the proxy");
  expect(seen).toEqual(["http://tokens.example/token?api-version=2.0&audience=a"]);
  proxy.close();
});

test("a server that is no Slipway registry is reported", async () => {
  setEnv({ SLIPWAY_ID_TOKEN: "a.b.c" });
  const { origin } = new URL(jobs.env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "");
  jobs.faults.push([200, "<html>"], [404, "<html>"]);
  const login = { namespaces: ["acme"], audience: "a" };
  for (const said of [
    `${origin} answered no credential: is it a Slipway registry?`,
    `${origin} answered 404`,
  ]) {
    expect((await refusalOf(exchange(origin, login))).message).toBe(said);
  }
});

test("an exchange gives a password that the registry takes until it is revoked", async () => {
  setEnv(jobs.env);
  jobs.claims = { repository_id: "123" };
  const login = { namespaces: ["acme"], audience: server.url };
  const { username, password, expiresAt } = await exchange(server.url, login);
  expect(username).toBe("oidc");
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
  expect(await statusOf(password)).toBe(200);
  await revoke(server.url, password);
  expect(await statusOf(password)).toBe(401);
  // It may have ended by itself before.
  await revoke(server.url, password);
});

test("a registry that does not revoke is reported", async () => {
  const { origin } = new URL(jobs.env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "");
  jobs.faults.push([403, "{}"]);
  const { status } = await refusalOf(revoke(origin, "slpo_x"));
  expect([status, jobs.requests]).toEqual([403, 1]);
});

async function statusOf(password: string): Promise<number> {
  const headers = { authorization: `Bearer ${password}` };
  const response = await fetch(`${server.url}/api/v1/me`, { headers });
  await response.body?.cancel();
  return response.status;
}

test.each([
  [
    { GITHUB_REPOSITORY: "acme/app", GITHUB_SERVER_URL: "https://github.com" },
    "slipway trust add github acme/app --push 'acme/*'",
  ],
  [
    { CI_PROJECT_PATH: "acme/app", CI_PROJECT_ID: "42" },
    "slipway trust add gitlab acme/app --project-id 42 --push 'acme/*'",
  ],
  [
    { GITHUB_REPOSITORY: "acme/app", GITHUB_SERVER_URL: "https://forge.example" },
    "slipway trust add oidc --issuer URL --claim NAME=GLOB --push 'acme/*'",
  ],
])(
  "a token that no rule takes ends with the registry's words, and with the command for a rule: %o",
  async (variables, command) => {
    setEnv({ ...jobs.env, ...variables });
    jobs.claims = { repository_id: "124" };
    const login = { namespaces: ["acme"], audience: server.url };
    const said = await saidBy(exchange(server.url, login));
    expect(said).toContain('acme: "repository_id" is "124"');
    expect(said).toContain(command);
  },
);
