/** Restoring on the command line: a process, against a registry of its own. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { parseTarget } from "../../src/cli/thing.ts";
import { sayPurged, sayRestored } from "../../src/cli/trash.ts";
import { CommandLine, unwrapped } from "./harness.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const DIGEST = `sha256:${"0".repeat(64)}`;
const OTHER = `sha256:${"1".repeat(64)}`;
type Bytes = Uint8Array<ArrayBuffer>;
const commandLine = new CommandLine();
const { ok, slipway } = commandLine;
let server: Server;

beforeAll(async () => {
  server = await startServer();
  await commandLine.logIn(server);
});

afterAll(async () => {
  await server.stop();
});

function request(method: string, path: string, body?: Bytes, type?: string) {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const headers = { authorization, ...(type === undefined ? {} : { "content-type": type }) };
  return fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

function digestOf(bytes: Bytes): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function pushBlob(repository: string): Promise<{ digest: string; size: number }> {
  const bytes = new Uint8Array(new TextEncoder().encode(crypto.randomUUID()));
  const digest = digestOf(bytes);
  const begun = await request("POST", `/v2/${repository}/blobs/uploads/`);
  const location = new URL(begun.headers.get("location") ?? "", server.url);
  location.searchParams.set("digest", digest);
  const path = location.pathname + location.search;
  expect((await request("PUT", path, bytes, "application/octet-stream")).status).toBe(201);
  return { digest, size: bytes.length };
}

async function put(repository: string, tag: string, mediaType: string, body: object) {
  const json = JSON.stringify({ schemaVersion: 2, mediaType, ...body });
  const bytes = new Uint8Array(new TextEncoder().encode(json));
  const response = await request("PUT", `/v2/${repository}/manifests/${tag}`, bytes, mediaType);
  expect(response.status).toBe(201);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Pushes an image of its own, whose only blob is its config. */
async function push(repository: string, tag: string) {
  const config = { mediaType: "application/x", ...(await pushBlob(repository)) };
  const image = await put(repository, tag, MANIFEST, { config, layers: [] });
  return { ...image, config: config.digest };
}

async function statusOf(path: string): Promise<number> {
  const response = await request("GET", path);
  await response.body?.cancel();
  return response.status;
}

test("a tag that was deleted and one that was moved are restored, and can be pulled", async () => {
  const { digest } = await push("acme/app", "v1");
  const second = await push("acme/app", "v1");
  await ok("tag delete acme/app:v1 --yes");
  const history = await ok("tag history acme/app:v1");
  expect(history.split("\n")[0]).toMatch(/^CHANGED \(UTC\) +BY +TAG +FROM +TO +RESTORABLE UNTIL$/);
  expect(history).toMatch(new RegExp(`admin +v1 +${second.digest} +\\(deleted\\)`));
  expect(history).toMatch(new RegExp(`admin +v1 +${digest} +${second.digest}`));
  expect(await ok("trash restore acme/app:v1")).toBe(
    `Tag acme/app:v1 points to ${second.digest} again.\n`,
  );
  expect(await ok(`trash restore acme/app:v1 --digest ${digest}`)).toBe(
    `Tag acme/app:v1 points to ${digest} again, instead of ${second.digest}.\n`,
  );
  const pulled = await request("GET", "/v2/acme/app/manifests/v1");
  expect(pulled.headers.get("docker-content-digest")).toBe(digest);
  expect(digestOf(new Uint8Array(await pulled.arrayBuffer()))).toBe(digest);
});

test("an index is restored with its child and its tag", async () => {
  const child = await push("acme/multi", "child");
  const list = await put("acme/multi", "latest", INDEX, { manifests: [child] });
  for (const { digest } of [list, child]) {
    await request("DELETE", `/v2/acme/multi/manifests/${digest}`);
  }
  const deleted = await ok("trash list acme/multi");
  expect(deleted).toContain(list.digest);
  expect(deleted).toContain(child.digest);
  expect(await ok(`trash restore acme/multi@${list.digest}`)).toBe(
    `Manifest acme/multi@${list.digest} was restored, with 1 other manifest and the tag latest.\n`,
  );
  expect(await statusOf("/v2/acme/multi/manifests/latest")).toBe(200);
  expect(await statusOf(`/v2/acme/multi/blobs/${child.config}`)).toBe(200);
  expect(await ok("trash list acme/multi")).toContain("has no manifests");
});

test("a repository is restored, also by its id", async () => {
  await push("acme/gone", "v1");
  await ok("repo delete acme/gone --yes");
  const { stdout } = await slipway("trash list acme --json");
  const { items } = JSON.parse(stdout) as { items: { id: string; name: string }[] };
  const id = items.find(({ name }) => name === "acme/gone")?.id ?? "";
  expect(await ok("trash list")).toMatch(new RegExp(`^acme/gone +\\d{4}-.* ${id}$`, "m"));
  const said = "Repository acme/gone was restored with everything in it.\n";
  expect(await ok("trash restore acme/gone")).toBe(said);
  await ok("repo delete acme/gone --yes");
  expect(await ok(`trash restore acme/gone --id ${id}`)).toBe(said);
  expect(await statusOf("/v2/acme/gone/manifests/v1")).toBe(200);
});

test("what is purged cannot be pulled, nor restored", async () => {
  const { digest, config } = await push("acme/leak", "v1");
  const refused = await slipway(`trash purge acme/leak@${digest}`);
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toContain("there is no terminal to ask at: add --yes");
  expect(await statusOf("/v2/acme/leak/manifests/v1")).toBe(200);
  expect(await ok(`trash purge acme/leak@${digest} --yes`)).toBe(
    `Manifest acme/leak@${digest} was purged, with the tag v1 and 1 blob.\n`,
  );
  expect(await statusOf(`/v2/acme/leak/manifests/${digest}`)).toBe(404);
  expect(await statusOf(`/v2/acme/leak/blobs/${config}`)).toBe(404);
  const again = await slipway("trash restore acme/leak:v1");
  expect([again.code, again.stdout]).toEqual([1, ""]);
  expect(again.stderr).toMatch(/^slipway: the tag v1 has no history in acme\/leak/);
});

test("a repository is purged as it is, and once it was deleted", async () => {
  await push("acme/twice", "v1");
  await ok("repo delete acme/twice --yes");
  await push("acme/twice", "v2");
  for (let time = 0; time < 2; time++) {
    expect(await ok("trash purge acme/twice --yes")).toContain("Repository acme/twice was purged");
  }
  expect((await slipway("trash restore acme/twice")).code).toBe(1);
  expect((await slipway("trash purge acme/twice --yes")).code).toBe(1);
});

// util-linux's `script` gives a terminal; elsewhere its arguments are others.
test.runIf(process.platform === "linux").each([
  ["n", "nothing was changed", 200],
  ["y", "were purged", 404],
])("purge asks, and says that it cannot be undone: %s", async (answer, said, status) => {
  await push("acme/asked", "v1");
  const typing = [["[y/N]", answer]] as const;
  const shown = unwrapped(await commandLine.atTerminal("trash purge acme/asked:v1", { typing }));
  expect(shown).toContain("Purge the tag acme/asked:v1");
  expect(shown).toContain("This cannot be undone. [y/N]");
  expect(shown).toContain(said);
  expect(await statusOf("/v2/acme/asked/manifests/v1")).toBe(status);
});

test.each([
  [`trash restore acme/app --digest ${DIGEST}`, "name the tag"],
  ["trash restore acme/app:v1 --id 1", "name it alone"],
  ["trash purge acme/app:v1 --id 1 --yes", "name it alone"],
  [`tag history acme/app@${DIGEST}`, "a manifest has no history"],
  ["trash restore Acme/app", "Write it as acme/app, acme/app:v1 or"],
])("slipway %s: is a mistake", async (line, said) => {
  const { code, stdout, stderr } = await slipway(line);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
});

describe("names", () => {
  test.each([
    ["acme/app", { repository: "acme/app" }],
    ["app", { repository: "app" }],
    ["acme/app:v1", { repository: "acme/app", tag: "v1" }],
    [`acme/app@${DIGEST}`, { repository: "acme/app", digest: DIGEST }],
  ])("%s", (given, thing) => {
    expect(parseTarget(given)).toEqual(thing);
  });

  test.each(["", ":v1", "acme/app:", "acme/app@v1", `acme/app:v1@${DIGEST}`, "a:b:c", "A/b"])(
    "%j is none",
    (given) => {
      expect(() => parseTarget(given)).toThrow("Write it as acme/app");
    },
  );
});

describe("what is said", () => {
  const tag = { repository: "a/b", tag: "v1" };
  const manifest = { repository: "a/b", digest: DIGEST };
  const nothing = { digest: DIGEST, replaced: null, tags: [], manifests: [] };

  test.each([
    [tag, nothing, `Tag a/b:v1 points to ${DIGEST} already; nothing was changed.`],
    [
      tag,
      { ...nothing, tags: ["v1"], manifests: [DIGEST, OTHER] },
      `Tag a/b:v1 points to ${DIGEST} again; 2 manifests came back.`,
    ],
    [manifest, nothing, `Manifest a/b@${DIGEST} is not deleted; nothing was changed.`],
    [manifest, { ...nothing, manifests: [DIGEST] }, `Manifest a/b@${DIGEST} was restored.`],
  ])("restore %#", (thing, restored, said) => {
    expect(sayRestored(thing, { repository: "a/b", ...restored })).toBe(said);
  });

  test.each([
    [tag, {}, "Tag a/b:v1 and its history were purged; the manifests stay."],
    [manifest, {}, `Manifest a/b@${DIGEST} was purged.`],
    [
      manifest,
      { tags: ["v1"], sharedBlobs: 2 },
      `Manifest a/b@${DIGEST} was purged, with the tag v1. Other manifests of a/b name 2 more blobs, which can still be pulled.`,
    ],
  ])("purge %#", (thing, purged, said) => {
    expect(
      sayPurged(thing, { repository: "a/b", tags: [], blobs: 0, sharedBlobs: 0, ...purged }),
    ).toBe(said);
  });
});
