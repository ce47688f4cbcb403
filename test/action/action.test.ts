/** The action as GitHub's runner runs it, against a registry and an issuer of its own. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { buildAction } from "../../scripts/build-action.ts";
import { type Server, startServer } from "../../scripts/server.ts";
import { type Issuer, startIssuer } from "../server/issuer.ts";
import { type JobTokens, startJobTokens } from "../server/job-tokens.ts";
import { Runner, type Step } from "./runner.ts";

const DIST = join(import.meta.dirname, "../../action/dist");

let server: Server;
let issuer: Issuer;
let jobs: JobTokens;
let runner: Runner;

beforeAll(async () => {
  issuer = await startIssuer();
  jobs = await startJobTokens(issuer);
  runner = await Runner.start();
  server = await startServer({ env: { ALLOW_INSECURE_ISSUERS: "true" } });
  await call("/namespaces", { name: "acme" });
  const rule = {
    issuer: issuer.url,
    claims: { repository_id: ["123"] },
    scopes: [{ repositories: "acme/*", actions: ["push"] }],
  };
  await call("/namespaces/acme/trust-rules", { ...rule, name: "app", audience: server.url });
  await call("/namespaces", { name: "other" });
  await call("/namespaces/other/trust-rules", {
    ...rule,
    name: "app",
    audience: "https://other.example",
    scopes: [{ repositories: "other/*", actions: ["push"] }],
  });
});

beforeEach(() => {
  jobs.claims = { repository_id: "123" };
  jobs.requests = 0;
});

afterAll(async () => {
  await server.stop();
  await jobs.stop();
  await issuer.stop();
  await runner.stop();
});

async function call(path: string, body: object): Promise<void> {
  const headers = { authorization: adminLogin(), "content-type": "application/json" };
  const url = `${server.url}/api/v1${path}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status, await response.text()).toBe(201);
}

function adminLogin(): string {
  return basic("admin", server.password);
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** A step of a job that may have ID tokens. */
function stepWith(variables: Readonly<Record<string, string>> = {}): Promise<Step> {
  return runner.step({
    ...jobs.env,
    GITHUB_REPOSITORY_OWNER: "Acme",
    GITHUB_REPOSITORY: "Acme/app",
    GITHUB_SERVER_URL: "https://github.com",
    INPUT_REGISTRY: server.url,
    INPUT_PORT: "0",
    ...variables,
  });
}

/** Returns the passwords that Docker got, by host. */
async function passwordsOf(step: Step): Promise<Record<string, string>> {
  const logins = (await step.docker()).filter(({ args }) => args[0] === "login");
  return Object.fromEntries(logins.map(({ args, input }) => [args[1] ?? "", input]));
}

/** Returns the status of the registry for an exchanged credential. */
async function statusOf(password: string): Promise<number> {
  const headers = { authorization: `Bearer ${password}` };
  const response = await fetch(`${server.url}/api/v1/me`, { headers });
  await response.body?.cancel();
  return response.status;
}

/** Begins a push, as Docker does after its login. */
async function pushStatus(host: string, user: string, password: string): Promise<number> {
  const response = await fetch(`http://${host}/v2/acme/app/blobs/uploads/`, {
    method: "POST",
    headers: { authorization: basic(user, password) },
  });
  await response.body?.cancel();
  return response.status;
}

/** Returns how often the audit log of the namespace acme has an action. */
async function timesOf(action: string): Promise<number> {
  const response = await fetch(`${server.url}/api/v1/namespaces/acme/audit?action=${action}`, {
    headers: { authorization: adminLogin() },
  });
  return (await response.json<{ items: unknown[] }>()).items.length;
}

test("a job is logged in at the registry and at the proxy, and at its end nothing is left", async () => {
  const step = await stepWith();
  const { code, log, outputs } = await step.main();
  expect([code, log]).toEqual([0, expect.stringContaining("Docker is logged in to")]);
  const { proxy = "" } = outputs;
  expect(outputs).toEqual({ registry: server.host, username: "oidc", proxy });
  expect(proxy).toMatch(/^localhost:\d+$/);
  const calls = (await step.docker()).map(({ args }) => args.join(" "));
  expect(calls).toEqual([
    "--version",
    `login ${server.host} --username oidc --password-stdin`,
    `login ${proxy} --username slipway --password-stdin`,
  ]);
  const passwords = await passwordsOf(step);
  const credential = passwords[server.host] ?? "";
  const secret = passwords[proxy] ?? "";
  expect(await pushStatus(server.host, "oidc", credential)).toBe(202);
  expect(await pushStatus(proxy, "slipway", secret)).toBe(202);
  expect(await pushStatus(proxy, "slipway", "another")).toBe(401);

  const end = await step.post();
  expect(end.code).toBe(0);
  expect(end.log).not.toContain("::warning::");
  expect((await step.docker()).slice(3).map(({ args }) => args.join(" "))).toEqual([
    `logout ${server.host}`,
    `logout ${proxy}`,
  ]);
  expect(await statusOf(credential)).toBe(401);
  await expect(fetch(`http://${proxy}/v2/`)).rejects.toThrow("fetch failed");
  for (const shown of [log, end.log]) {
    const lines = shown.split("\n").filter((line) => !line.startsWith("::add-mask::"));
    expect(lines.join("\n")).not.toContain(credential);
    expect(lines.join("\n")).not.toContain(secret);
  }
  expect(log).toContain(`::add-mask::${credential}\n`);
  expect(log).toContain(`::add-mask::${secret}\n`);
});

test("both credentials end with the job, that of the login and that of the proxy", async () => {
  const before = [await timesOf("oidc.exchange"), await timesOf("oidc.revoke")];
  const step = await stepWith();
  await step.main();
  await step.post();
  const after = [await timesOf("oidc.exchange"), await timesOf("oidc.revoke")];
  expect(after).toEqual(before.map((times) => times + 2));
});

test("without the proxy there is only the login", async () => {
  const step = await stepWith({ INPUT_PROXY: "false" });
  const { code, outputs } = await step.main();
  expect([code, outputs]).toEqual([0, { registry: server.host, username: "oidc", proxy: "" }]);
  expect(Object.keys(await passwordsOf(step))).toEqual([server.host]);
  const end = await step.post();
  expect([end.code, end.log]).toEqual([0, ""]);
  expect(await statusOf((await passwordsOf(step))[server.host] ?? "")).toBe(401);
});

test("the namespaces and the audience are those of the inputs", async () => {
  const step = await stepWith({
    INPUT_NAMESPACES: "other",
    INPUT_AUDIENCE: "https://other.example",
  });
  const { code, log, outputs } = await step.main();
  expect([code, log]).toEqual([0, expect.any(String)]);
  expect(outputs["proxy"]).toMatch(/^localhost:/);
  expect((await step.post()).code).toBe(0);
});

test("all namespaces have to take the job", async () => {
  const step = await stepWith({ INPUT_NAMESPACES: "acme, other\n" });
  const { code, log } = await step.main();
  expect(code).toBe(1);
  expect(log).toContain('other+app: "aud" is');
});

/** Inputs and variables of a job, and what its log says. Docker is not asked to log in. */
const REFUSED: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
  [
    "without the permission",
    { ACTIONS_ID_TOKEN_REQUEST_URL: "", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "" },
    [
      "::error::this job may not ask for an ID token%0AAdd permissions: { contents: read, id-token: write }",
    ],
  ],
  [
    "without a registry",
    { INPUT_REGISTRY: " " },
    ["::error::the input registry is missing%0AGive"],
  ],
  ["with a registry that is none", { INPUT_REGISTRY: "https://x/y" }, ["is no registry"]],
  [
    "with an input that is neither yes nor no",
    { INPUT_PROXY: "on" },
    ['proxy is "on": write true'],
  ],
  [
    "without an owner and a namespace",
    { GITHUB_REPOSITORY_OWNER: "" },
    ["the input namespaces is missing"],
  ],
  [
    "of a namespace without a rule",
    { INPUT_NAMESPACES: "nobody" },
    [
      "::error::no trust rule takes tokens of this issuer with these claims",
      "an owner of it adds one: slipway trust add github Acme/app --push 'nobody/*'",
    ],
  ],
];

test.each(REFUSED)("a job %s is told what is missing", async (_, variables, words) => {
  const step = await stepWith(variables);
  const { code, log } = await step.main();
  expect(code).toBe(1);
  for (const word of words) expect(log).toContain(word);
  expect(await passwordsOf(step)).toEqual({});
  const end = await step.post();
  expect([end.code, end.log]).toEqual([0, ""]);
});

test("a job that the rule does not take is told which claim differs", async () => {
  jobs.claims = { repository_id: "124" };
  const step = await stepWith();
  const { code, log } = await step.main();
  expect(code).toBe(1);
  expect(log).toContain('acme: "repository_id" is "124"');
});

test("a pull request from a fork is told that it gets no ID token", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-event-"));
  const event = join(folder, "event.json");
  await writeFile(event, JSON.stringify({ pull_request: { head: { repo: { fork: true } } } }));
  const step = await stepWith({
    ACTIONS_ID_TOKEN_REQUEST_URL: "",
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "",
    GITHUB_EVENT_NAME: "pull_request",
    GITHUB_EVENT_PATH: event,
  });
  const { code, log } = await step.main();
  expect(code).toBe(1);
  expect(log).toContain("::error::GitHub gives no ID token to a pull request from a fork%0ABuild");
  await rm(folder, { recursive: true });
});

test("a runner without Docker is told so before anything is exchanged", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-path-"));
  const step = await stepWith({ PATH: folder });
  const { code, log } = await step.main();
  expect(code).toBe(1);
  expect(log).toContain("::error::docker is not installed on this runner%0AUse a runner");
  expect(jobs.requests).toBe(0);
  await rm(folder, { recursive: true });
});

test("where Docker refuses the login its words are shown, and the credential ends with the job", async () => {
  const step = await stepWith({ DOCKER_FAILS: "login" });
  const { code, log } = await step.main();
  expect(code).toBe(1);
  expect(log).toContain("::error::docker login failed: Error response from daemon: no");
  const credential = (await passwordsOf(step))[server.host] ?? "";
  expect(await statusOf(credential)).toBe(200);
  expect((await step.post()).code).toBe(0);
  expect(await statusOf(credential)).toBe(401);
  // It was logged in nowhere.
  expect((await step.docker()).filter(({ args }) => args[0] === "logout")).toEqual([]);
});

test("a port that is in use is reported by the proxy's own words, and the login is undone", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const before = [await timesOf("oidc.exchange"), await timesOf("oidc.revoke")];
  const step = await stepWith({ INPUT_PORT: String(port) });
  const { code, log } = await step.main();
  expect(code).toBe(1);
  expect(log).toMatch(new RegExp(`::error::the proxy ended at its start: .*${port}`));
  const credential = (await passwordsOf(step))[server.host] ?? "";
  const end = await step.post();
  expect(end.code).toBe(0);
  expect(await statusOf(credential)).toBe(401);
  // The proxy had a credential of its own by then.
  const after = [await timesOf("oidc.exchange"), await timesOf("oidc.revoke")];
  expect(after).toEqual(before.map((times) => times + 2));
  other.close();
});

test("a proxy that ended before the job did is reported with its last lines", async () => {
  const step = await stepWith();
  const { outputs } = await step.main();
  const { slipway = "" } = await step.state();
  const { proxy } = JSON.parse(slipway) as { proxy: { pid: number } };
  process.kill(proxy.pid, "SIGKILL");
  await expect.poll(() => fetch(`http://${outputs["proxy"]}/v2/`).catch(() => null)).toBeNull();
  const { code, log } = await step.post();
  expect(code).toBe(0);
  expect(log).toContain("::warning::the proxy had ended before the job did");
  expect(log).toMatch(
    /::group::The proxy's last lines\n::stop-commands::[^]*"ready"[^]*::endgroup::/,
  );
});

test("what cannot be undone is a warning, and the rest is undone", async () => {
  const step = await stepWith({ INPUT_PROXY: "false" });
  await step.main();
  const { code, log } = await step.post({ DOCKER_FAILS: "logout" });
  expect(code).toBe(0);
  expect(log).toBe("::warning::docker logout failed: Error response from daemon: no\n");
  expect(await statusOf((await passwordsOf(step))[server.host] ?? "")).toBe(401);
});

const hasDocker = spawnSync("docker", ["--version"]).status === 0;

test.skipIf(!hasDocker)("Docker itself keeps both logins, and forgets them", async () => {
  const step = await stepWith({ PATH: process.env["PATH"] ?? "" });
  const { code, log, outputs } = await step.main();
  expect([code, log]).toEqual([0, expect.any(String)]);
  const { auths } = JSON.parse(await step.dockerConfig()) as { auths: Record<string, unknown> };
  const hosts = [server.host, outputs["proxy"] ?? ""].toSorted();
  expect(Object.keys(auths).toSorted()).toEqual(hosts);
  expect((await step.post()).code).toBe(0);
  expect(JSON.parse(await step.dockerConfig())).toEqual({ auths: {} });
});

test("action/dist is what its sources give (npm run build-action)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-dist-"));
  await buildAction(folder);
  const names = (await readdir(folder)).toSorted();
  expect((await readdir(DIST)).toSorted()).toEqual(names);
  for (const name of names) {
    const [built, kept] = await Promise.all(
      [folder, DIST].map((place) => readFile(join(place, name))),
    );
    expect(built?.equals(kept ?? Buffer.of()), `action/dist/${name} is current`).toBe(true);
  }
  await rm(folder, { recursive: true });
});
