/** The recipes of README and docs, line by line, in a shell without a terminal, against a registry of their own. */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { page, ROOT, section, shellLines } from "../support/pages.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const EMPTY = "application/vnd.oci.empty.v1+json";
const IMAGE = "acme/app";
/** What another test tries, or what takes Docker or an account elsewhere. */
const ELSEWHERE = /\b(docker|podman|skopeo|npm|npx|aws) /;
let server: Server;
let home: string;
/** The digest that `sha256:…` stands for. */
let digest = "";

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-recipes-"));
  server = await startServer();
  const [, policy = ""] = /```json\n([^]*?)```/.exec(page("docs/retention.md").text) ?? [];
  await writeFile(join(home, "policy.json"), policy);
});

afterAll(async () => {
  await server.stop();
  await rm(home, { recursive: true, force: true });
});

/** Types a line as a page shows it. What would be asked at a terminal is answered by an option. */
async function type(line: string): Promise<string> {
  const shown = line
    .replaceAll(/\b(https:\/\/)?registry\.example\.com/g, server.url)
    .replaceAll("sha256:…", digest)
    .replace(/(slipway (?:trash purge|retention remove) \S+)/, "$1 --yes");
  const script = `slipway() { "$NODE" "$LAUNCHER" "$@"; }\n${shown}\n`;
  const env = {
    PATH: process.env["PATH"],
    NODE: process.execPath,
    LAUNCHER: join(ROOT, "src/cli/slipway.js"),
    XDG_CONFIG_HOME: home,
    PASSWORD: server.password,
    ALICE_PASSWORD: "a password that alice chose",
    NEW_PASSWORD: "a password that bob chose",
  };
  const running = promisify(execFile)("bash", ["--norc", "-euo", "pipefail", "-c", script], {
    cwd: home,
    env,
  });
  running.child.stdin?.end();
  try {
    return (await running).stdout;
  } catch (error) {
    throw new Error(`${line}\n${(error as { stderr: string }).stderr}`, { cause: error });
  }
}

/** @param before what has to happen first, by how a line begins */
async function follow(
  lines: readonly string[],
  before: Record<string, () => Promise<unknown>> = {},
) {
  const own = lines.filter((line) => line.includes("slipway") && !ELSEWHERE.test(line));
  expect(own.length).toBeGreaterThan(0);
  for (const line of own) {
    const start = Object.keys(before).find((key) => line.startsWith(key));
    await before[start ?? ""]?.();
    await type(line);
  }
}

const logIn = () =>
  type(
    `printf %s "$PASSWORD" | slipway login https://registry.example.com -u admin --password-stdin --expires never`,
  );

async function call(method: string, path: string, mediaType = "", body = ""): Promise<void> {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const sent = body === "" ? {} : { body };
  const headers = { authorization, "content-type": mediaType };
  const response = await fetch(`${server.url}/v2/${path}`, { method, headers, ...sent });
  expect(response.ok).toBe(true);
}

const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** An image unlike all others. */
async function push(tag: string): Promise<void> {
  await call(
    "POST",
    `${IMAGE}/blobs/uploads/?digest=${digestOf("{}")}`,
    "application/octet-stream",
    "{}",
  );
  const config = { mediaType: EMPTY, digest: digestOf("{}"), size: 2 };
  const annotations = { unique: randomUUID() };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [], annotations };
  const body = JSON.stringify(manifest);
  digest = digestOf(body);
  await call("PUT", `${IMAGE}/manifests/${tag}`, MANIFEST, body);
}

test("README's recipe for people runs without a terminal, and gives alice what it says", async () => {
  await follow(shellLines(section(page("README.md").text, "People")));
  // The last of them logged in as alice.
  const me = JSON.parse(await type("slipway whoami --json")) as object;
  expect(me).toMatchObject({
    name: "alice",
    roles: [{ repositories: "acme/app*", role: "writer" }],
  });
});

test("a login that ends makes nothing that lasts, and says what to do in a script", async () => {
  await type(
    `printf %s "$PASSWORD" | slipway login https://registry.example.com -u admin --password-stdin`,
  );
  await expect(type("slipway namespace set acme --visibility public")).rejects.toThrow(
    /lasts longer than your login/,
  );
  await follow(
    shellLines(section(page("docs/cli.md").text, "Commands that ask for the password again")),
  );
});

test("README's recipe for upkeep runs", async () => {
  await logIn();
  await push("v1");
  await push("v1");
  await follow(shellLines(section(page("README.md").text, "Upkeep")));
});

test.each(["immutable-tags", "retention", "quotas", "gc", "fsck", "audit"])(
  "the recipes of docs/%s.md run",
  async (name) => {
    await follow(shellLines(page(`docs/${name}.md`).text));
  },
);

test("the recipes of docs/restore.md run", async () => {
  await push("v1");
  const old = digest;
  await push("v1");
  digest = old;
  await follow(shellLines(page("docs/restore.md").text), {
    "slipway trash restore acme/app@": () => call("DELETE", `${IMAGE}/manifests/${digest}`),
    "slipway trash list  ": () => type("slipway repo delete acme/app --yes"),
  });
});
