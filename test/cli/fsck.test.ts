/** `slipway fsck` as it is used: a process, against a registry whose files on disk are spoiled behind its back. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { parseAmount } from "../../src/cli/fsck.ts";
import { CommandLine } from "./harness.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const LAYER = randomBytes(5000);
const DIGEST = digestOf(LAYER);
const commandLine = new CommandLine();
const { slipway } = commandLine;
let server: Server;

beforeAll(async () => {
  server = await startServer();
  await commandLine.logIn(server);
  await pushBlob();
  const config = { mediaType: "application/x", digest: DIGEST, size: LAYER.length };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [] });
  const put = await request("PUT", "/v2/acme/app/manifests/v1", body, MANIFEST);
  expect(put.status).toBe(201);
});

afterAll(async () => {
  await server.stop();
});

function request(method: string, path: string, body?: string | Buffer<ArrayBuffer>, type = "a/b") {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const sent = body === undefined ? {} : { body };
  return fetch(server.url + path, {
    method,
    headers: { authorization, "content-type": type },
    ...sent,
  });
}

async function pushBlob(): Promise<void> {
  const path = `/v2/acme/app/blobs/uploads/?digest=${DIGEST}`;
  expect((await request("POST", path, LAYER)).status).toBe(201);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Writes over the one file on disk that has the layer's bytes. */
async function spoil(): Promise<void> {
  const entries = await readdir(server.data, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  let spoiled = 0;
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    if (!(await readFile(file)).equals(LAYER)) continue;
    await writeFile(file, randomBytes(LAYER.length));
    spoiled++;
  }
  expect(spoiled).toBe(1);
}

test("a sound registry: says what was checked, and succeeds", async () => {
  expect(await slipway("fsck")).toEqual({
    code: 0,
    stdout: expect.stringMatching(
      /^Checked \d+ rows and objects, 4\.9 KiB hashed, 0 findings\.\n$/,
    ),
    stderr: "",
  });
  const json = await slipway("fsck --hash none --json");
  expect(JSON.parse(json.stdout)).toEqual({
    findings: [],
    checked: expect.any(Number),
    bytes: 0,
    unhashed: 0,
  });
});

test("damage fails it; a repair and a push put it right", async () => {
  await spoil();
  expect((await slipway("fsck --hash none")).code).toBe(0);

  const found = await slipway("fsck");
  expect(found.code).toBe(1);
  expect(found.stderr).toBe(
    "slipway: 1 of 1 findings need attention\nslipway fsck --repair puts right what can be\n",
  );
  expect(found.stdout).toMatch(/^OUTCOME +KIND +REPOSITORY +SUBJECT +AFFECTED +MESSAGE\n/);
  expect(found.stdout).toMatch(
    new RegExp(`^found +blob\\.damaged +${DIGEST} +acme/app:v1 +the bytes of .*push what`, "m"),
  );

  const marked = await slipway("fsck --repair --json");
  expect(marked.code).toBe(1);
  const message = "1 of 1 findings need attention";
  expect(JSON.parse(marked.stderr)).toEqual({
    error: { code: "FINDINGS", message, hint: null, status: null },
  });
  expect(JSON.parse(marked.stdout)).toMatchObject({
    findings: [{ kind: "blob.damaged", subject: DIGEST, outcome: "marked" }],
  });

  expect((await request("HEAD", `/v2/acme/app/blobs/${DIGEST}`)).status).toBe(404);
  await pushBlob();
  const pulled = await request("GET", `/v2/acme/app/blobs/${DIGEST}`);
  expect(Buffer.from(await pulled.arrayBuffer()).equals(LAYER)).toBe(true);
  expect((await slipway("fsck")).code).toBe(0);
});

test("--status says how far the walks are that go on by themselves", async () => {
  const { code, stdout } = await slipway("fsck --status");
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^Checks .*\.\n.*round.*\n.*ended.*\n\nHashes 1\.0 GiB a day\.\n.*round.*\n.*ended.*\n$/,
  );
});

test.each(["--repair", "--hash none"])("--status does nothing, so not with %s", async (option) => {
  const { code, stdout, stderr } = await slipway(`fsck --status ${option}`);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("--status");
});

/** A registry whose answers to a step are these, the last one for ever. */
async function answering(...answers: readonly (readonly [status: number, body: object])[]) {
  let asked = 0;
  const fake = createServer((incoming, response) => {
    incoming.resume();
    const [status, body] = answers[Math.min(asked++, answers.length - 1)] ?? [500, {}];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  fake.listen(0, "127.0.0.1");
  await once(fake, "listening");
  const { port } = fake.address() as AddressInfo;
  const env = { SLIPWAY_REGISTRY: `http://127.0.0.1:${port}`, SLIPWAY_TOKEN: "slipway_x" };
  const ended = await slipway("fsck --repair", { env });
  fake.close();
  return { ...ended, asked };
}

const LAST = { phase: "objects", findings: [], checked: 7, bytes: 0, unhashed: 0, next: null };

test("what passes does not end a run; what does not pass does at once", async () => {
  const passed = await answering([503, { detail: "try again" }], [200, LAST]);
  expect(passed).toMatchObject({ code: 0, asked: 2, stderr: "" });
  expect(passed.stdout).toMatch(/^Checked 7 rows/);
  const refused = await answering([409, { detail: "an import is under way" }]);
  expect(refused).toMatchObject({ code: 1, asked: 1 });
  expect(refused.stderr).toContain("an import is under way");
});

test("an administrator's alone; wrong amounts are refused", async () => {
  const wrong = await slipway("fsck --hash much");
  expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
  expect(wrong.stderr).toContain("Give a size");
  const made = await slipway("robot create acme+ci --pull acme/* --json");
  const { secret } = JSON.parse(made.stdout) as { secret: string };
  const env = { SLIPWAY_TOKEN: secret, SLIPWAY_REGISTRY: server.url };
  const { code, stderr } = await slipway("fsck", { env });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^slipway: .*administrator/m);
});

test.each([
  ["all", undefined],
  ["none", 0],
  ["0", 0],
  ["10GiB", 10 * 1024 ** 3],
])("%s is %s bytes", (amount, bytes) => {
  expect(parseAmount(amount)).toBe(bytes);
});
