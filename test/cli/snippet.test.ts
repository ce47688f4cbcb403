/** The login step that CI is given, run as GitHub runs it, against a registry and an issuer of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { githubSnippet } from "../../src/cli/ci-snippet.ts";
import { type Issuer, startIssuer } from "../server/issuer.ts";

/** Replaces Docker: records its arguments and its input. */
const DOCKER = `#!/bin/sh
{ echo "$@"; cat; } > "$DOCKER_SAW"
`;

let server: Server;
let issuer: Issuer;
let jobs: HttpServer;
let folder: string;
/** Further claims of the job's ID token. */
let claims: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-snippet-"));
  issuer = await startIssuer();
  server = await startServer({ env: { ALLOW_INSECURE_ISSUERS: "true" } });
  jobs = createServer((request, response) => {
    const audience = new URL(request.url ?? "", "http://jobs").searchParams.get("audience");
    void issuer.sign({ ...claims, aud: audience }).then((value) => {
      response.setHeader("content-type", "application/json").end(JSON.stringify({ value }));
    });
  });
  jobs.listen(0, "127.0.0.1");
  await once(jobs, "listening");
  await writeFile(join(folder, "docker"), DOCKER);
  await chmod(join(folder, "docker"), 0o755);
  await call("/namespaces", { name: "acme" });
  await call("/namespaces/acme/trust-rules", {
    name: "app",
    issuer: issuer.url,
    audience: server.url,
    claims: { repository_id: ["123"], ref: ["refs/tags/v*"] },
    scopes: [{ repositories: "acme/*", actions: ["push"] }],
  });
});

afterAll(async () => {
  await server.stop();
  await issuer.stop();
  jobs.close();
  await rm(folder, { recursive: true, force: true });
});

async function call(path: string, body: object): Promise<void> {
  const authorization = `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
  const headers = { authorization, "content-type": "application/json" };
  const url = `${server.url}/api/v1${path}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status, await response.text()).toBe(201);
}

/** Returns the script of the login step, without its indentation. */
function loginStep(): string {
  const { url, host } = server;
  const place = { url, host, audience: url, namespace: "acme", image: "acme/app" };
  const [, step = ""] =
    /name: Log in\n +run: \|\n((?: {10}.*\n)+)/.exec(githubSnippet(place)) ?? [];
  return step.replaceAll(/^ {10}/gm, "");
}

async function run({ mayHaveToken = true } = {}) {
  const saw = join(folder, crypto.randomUUID());
  const { port } = jobs.address() as AddressInfo;
  // Runs bash as GitHub does (docs.github.com, "Workflow syntax", `shell`).
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", loginStep()], {
    env: {
      PATH: `${folder}:${process.env["PATH"]}`,
      DOCKER_SAW: saw,
      ...(mayHaveToken && {
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of the job",
        ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2`,
      }),
    },
  });
  child.stdin.end();
  const [log, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  const docker = await readFile(saw, "utf8").catch(() => null);
  return { code: Number(code), log, docker };
}

test("a job that a rule takes is logged in for as long as the rule says", async () => {
  claims = { repository_id: "123", ref: "refs/tags/v1", event_name: "push" };
  const { code, log, docker } = await run();
  expect([code, log]).toEqual([0, ""]);
  const [line, password] = (docker ?? "").split("\n");
  expect(line).toBe(`login ${server.host} -u oidc --password-stdin`);
  expect(password).toMatch(/^slpo_/);
});

test("a job that no rule takes ends with the registry's reason in its log, before docker is asked anything", async () => {
  claims = { repository_id: "123", ref: "refs/heads/x", event_name: "push" };
  const { code, log, docker } = await run();
  expect(code).not.toBe(0);
  expect(docker).toBeNull();
  const body = JSON.parse(log.slice(log.indexOf("{"))) as { detail: string };
  expect(body.detail).toContain('acme+app: "ref" is "refs/heads/x", the rule wants "refs/tags/v*"');
});

test("a job without the permission to have an ID token ends, saying what is missing", async () => {
  const { code, log, docker } = await run({ mayHaveToken: false });
  expect(code).not.toBe(0);
  expect(docker).toBeNull();
  expect(log).toContain("ACTIONS_ID_TOKEN_REQUEST_TOKEN: unbound variable");
});
