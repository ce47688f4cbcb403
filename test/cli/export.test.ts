/** A registry whose database is lost, on the command line: only its bucket is left. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { CommandLine } from "./harness.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const PASSWORD = "a password for this server alone";
const commandLine = new CommandLine();
const { ok, slipway } = commandLine;
let server: Server;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-data-"));
  await start();
});

afterAll(async () => {
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

async function start(): Promise<void> {
  server = await startServer({ data, env: { ADMIN_PASSWORD: PASSWORD } });
  await commandLine.logIn(server);
}

/** The files of the database go, and nothing else. */
async function loseDatabase(): Promise<void> {
  await server.stop();
  const folders = (await readdir(data)).filter((name) => /d1/i.test(name));
  expect(folders).toHaveLength(1);
  for (const folder of folders) await rm(join(data, folder), { recursive: true });
  await start();
}

function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function call(path: string, init: RequestInit = {}): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString("base64")}`;
  const headers = new Headers(init.headers);
  headers.set("authorization", authorization);
  return fetch(`${server.url}/v2/${path}`, { ...init, headers });
}

async function pushBlob(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = digestOf(bytes);
  const headers = { "content-type": "application/octet-stream" };
  const path = `${name}/blobs/uploads/?digest=${digest}`;
  expect((await call(path, { method: "POST", headers, body: bytes })).status).toBe(201);
  return digest;
}

/** @returns the manifest's digest, and that of its only layer */
async function push(name: string, tag: string): Promise<{ image: string; layer: string }> {
  const config = new Uint8Array([123, 125]);
  const bytes = new Uint8Array(randomBytes(1000));
  const layer = await pushBlob(name, bytes);
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: await pushBlob(name, config),
      size: config.length,
    },
    layers: [
      { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layer, size: bytes.length },
    ],
  });
  const headers = { "content-type": MANIFEST };
  const put = await call(`${name}/manifests/${tag}`, { method: "PUT", headers, body });
  expect(put.status).toBe(201);
  return { image: digestOf(body), layer };
}

async function pulled(path: string): Promise<string> {
  return digestOf(new Uint8Array(await (await call(path)).arrayBuffer()));
}

test("export, loss, import, and pushes go on", async () => {
  expect(await ok("export --status")).toContain("There is no full export: slipway export");
  const first = await push("acme/app", "v1");
  await ok("user create alice --password-stdin", { input: "a password for alice\n" });
  const said = await ok("export");
  const [, id = ""] = /^Exported \d+ rows as (\S+);/.exec(said) ?? [];
  expect(await ok("export --status")).toContain(id);
  const late = await push("acme/app", "late");
  await loseDatabase();
  expect((await call("acme/app/manifests/v1")).status).toBe(404);
  const imported = await ok("import");
  expect(imported).toMatch(new RegExp(`^Imported \\d+ rows: full export ${id} and what changed`));
  expect(imported).toContain("slipway fsck");
  // The last layer is in the bucket yet, but in no export.
  expect(imported).toMatch(new RegExp(`offered +blob +acme/app +${late.layer} +1000 B`));
  expect(imported).toContain("slipway import --relink");
  expect(await pulled("acme/app/manifests/v1")).toBe(first.image);
  expect(await pulled(`acme/app/blobs/${first.layer}`)).toBe(first.layer);
  expect((await call("acme/app/manifests/late")).status).toBe(404);
  expect((await call(`acme/app/blobs/${late.layer}`)).status).toBe(404);
  expect(await ok("user list")).toContain("alice");
  expect(await ok("import --relink")).toMatch(/^linked +blob/m);
  expect(await pulled(`acme/app/blobs/${late.layer}`)).toBe(late.layer);
  expect(await ok("fsck")).not.toContain("found");
  await push("acme/app", "v2");
  // The second export continues the backup that the first import read.
  expect(await ok("export")).toMatch(/^Exported/);
  await loseDatabase();
  expect(await ok("import --json")).toContain('"lost": 0');
  expect(await pulled("acme/app/manifests/v1")).toBe(first.image);
  expect((await call("acme/app/manifests/v2")).status).toBe(200);
});

test("an import into a database that is in use is refused, with what it needs", async () => {
  await loseDatabase();
  await push("acme/app", "v1");
  const { code, stderr } = await slipway("import");
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^slipway: there are repositories already.*an import needs an empty database/,
  );
  expect((await slipway("import --from")).code).toBe(2);
});
