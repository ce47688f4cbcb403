/** `slipway copy` and `slipway push` against real registries. */
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../../scripts/server.ts";
import { type Edge, startEdge } from "../../support/edge.ts";
import {
  blob,
  content,
  digestOf,
  imageManifest,
  index,
  manifest as makeManifest,
} from "../../support/images.ts";
import { CommandLine, unwrapped } from "../harness.ts";
import { archive, image, indexOf, partsOf, put, sha256, writeLayout } from "./layouts.ts";
import { type OlderRegistry, startOlderRegistry } from "./older-registry.ts";

const commandLine = new CommandLine();
const { slipway } = commandLine;
let a: Server;
let b: Server;
let older: OlderRegistry;
let folder: string;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-copy-"));
  [a, b, older] = await Promise.all([startServer(), startServer(), startOlderRegistry()]);
  await commandLine.logIn(a);
  await commandLine.logIn(b);
});

afterAll(async () => {
  await Promise.all([a.stop(), b.stop(), older.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** A new name in the tests' folder. */
function fresh(): string {
  return join(folder, String(++count));
}

interface Copied {
  readonly digest: string;
  readonly manifests: number;
  readonly blobs: { readonly sent: number; readonly mounted: number; readonly there: number };
  readonly sentBytes: number;
}

/** Runs a copy, whose progress is of no interest. */
async function copied(line: string): Promise<Copied> {
  const { code, stdout, stderr } = await slipway(`${line} --json`);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Copied;
}

async function failure(
  line: string,
): Promise<{ code: string; message: string; hint: string | null }> {
  const { code, stderr } = await slipway(`${line} --json`);
  expect(code).not.toBe(0);
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  return (JSON.parse(last) as { error: { code: string; message: string; hint: string | null } })
    .error;
}

const ACCEPT =
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

async function get(server: Server, path: string): Promise<{ status: number; bytes: Buffer }> {
  const authorization = `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
  const response = await fetch(`${server.url}/v2/${path}`, {
    headers: { authorization, accept: ACCEPT },
  });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Whether a registry has a manifest, its children, and all bytes of their blobs. */
async function expectWhole(server: Server, repository: string, reference: string): Promise<string> {
  const { status, bytes } = await get(server, `${repository}/manifests/${reference}`);
  expect([reference, status]).toEqual([reference, 200]);
  const body = JSON.parse(bytes.toString()) as Record<string, { digest: string }[] | undefined> & {
    config?: { digest: string };
  };
  for (const { digest } of body["manifests"] ?? []) await expectWhole(server, repository, digest);
  for (const { digest } of [...(body.config ? [body.config] : []), ...(body["layers"] ?? [])]) {
    const found = await get(server, `${repository}/blobs/${digest}`);
    expect([digest, found.status, digestOf(found.bytes)]).toEqual([digest, 200, digest]);
  }
  return digestOf(bytes);
}

/** A layout with two platforms. */
async function twoPlatforms() {
  const images = { amd64: image([1000, 200_000]), arm64: image([1001], "arm64") };
  const root = indexOf(images);
  const layout = fresh();
  const children = [images.amd64.manifest, images.arm64.manifest];
  await writeLayout(
    layout,
    [{ manifest: root, name: "v1" }],
    [...children, ...partsOf(images.amd64, images.arm64)],
  );
  return { layout, root, ...images };
}

test("an image of two platforms goes from a layout to a registry, to another, and back, unchanged", async () => {
  const { layout, root } = await twoPlatforms();
  const there = await copied(`push oci:${layout}:v1 ${a.host}/acme/app:v1`);
  expect(there).toMatchObject({ digest: root.digest, manifests: 3, blobs: { sent: 5, there: 0 } });
  expect(await expectWhole(a, "acme/app", "v1")).toBe(root.digest);
  const other = await copied(`copy ${a.host}/acme/app:v1 ${b.host}/mirror/app`);
  expect(other).toMatchObject({ digest: root.digest, blobs: { sent: 5 } });
  expect(await expectWhole(b, "mirror/app", "v1")).toBe(root.digest);
  const back = fresh();
  await copied(`copy ${b.host}/mirror/app@${root.digest} oci:${back}:v1`);
  for (const file of await readdir(join(layout, "blobs/sha256"))) {
    expect(sha256(await readFile(join(back, "blobs/sha256", file)))).toBe(`sha256:${file}`);
  }
  // What is there is not sent again.
  const again = await copied(`copy ${a.host}/acme/app:v1 ${b.host}/mirror/app:v2`);
  expect(again).toMatchObject({ manifests: 1, blobs: { sent: 0 }, sentBytes: 0 });
  expect(await expectWhole(b, "mirror/app", "v2")).toBe(root.digest);
});

test("a layer with a sha512 digest goes through layouts and registries as others do", async () => {
  const { bytes } = blob(3000);
  const layer = { bytes, digest: digestOf(bytes, "sha512") };
  const { config } = image([1]);
  const manifest = imageManifest({ config, layers: [layer] });
  const layout = fresh();
  await writeLayout(layout, [{ manifest, name: "v1" }], [config, layer]);
  await copied(`push oci:${layout} ${a.host}/acme/sha512:v1`);
  const back = fresh();
  await copied(`copy ${a.host}/acme/sha512:v1 oci:${back}`);
  const file = join(back, "blobs", layer.digest.replace(":", "/"));
  expect(digestOf(await readFile(file), "sha512")).toBe(layer.digest);
});

test("an image of a layout is named by its digest, too", async () => {
  const app = image([1000]);
  const layout = fresh();
  await writeLayout(layout, [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  const { digest } = app.manifest;
  for (const [at, name] of [`${layout}@${digest}`, `${layout}:v1@${digest}`].entries()) {
    await copied(`push oci:${name} ${a.host}/acme/by-digest:v${at}`);
    expect(await expectWhole(a, "acme/by-digest", `v${at}`)).toBe(digest);
  }
});

test("within a registry blobs are mounted", async () => {
  const { layout, root } = await twoPlatforms();
  await copied(`push oci:${layout} ${a.host}/acme/from:v1`);
  const { blobs, sentBytes } = await copied(`copy ${a.host}/acme/from:v1 ${a.host}/acme/to:v1`);
  expect([blobs, sentBytes]).toEqual([{ sent: 0, mounted: 5, there: 0 }, 0]);
  expect(await expectWhole(a, "acme/to", "v1")).toBe(root.digest);
});

test("--platform copies one image, and several of them make an index with their attestations", async () => {
  const { amd64, arm64 } = await twoPlatforms();
  const attestation = image([10], "unknown");
  const root = index([], {
    manifests: [
      { ...entry(amd64.manifest), platform: { os: "linux", architecture: "amd64" } },
      { ...entry(arm64.manifest), platform: { os: "linux", architecture: "arm64", variant: "v8" } },
      {
        ...entry(attestation.manifest),
        platform: { os: "unknown", architecture: "unknown" },
        annotations: { "vnd.docker.reference.digest": arm64.manifest.digest },
      },
    ],
  });
  const layout = fresh();
  const children = [amd64, arm64, attestation];
  await writeLayout(
    layout,
    [{ manifest: root, name: "v1" }],
    [...children.map(({ manifest }) => manifest), ...partsOf(...children)],
  );
  const one = await copied(`copy oci:${layout} ${a.host}/acme/one:v1 --platform linux/arm64`);
  expect(one.digest).toBe(arm64.manifest.digest);
  const two = `copy oci:${layout} ${a.host}/acme/two:v1 --platform linux/arm64 --platform linux/amd64`;
  expect((await copied(two)).digest).toBe(root.digest);
  const { message } = await failure(
    `copy oci:${layout} ${a.host}/acme/no:v1 --platform linux/s390x`,
  );
  expect(message).toContain("has no linux/s390x; it has linux/amd64, linux/arm64/v8");
  const single = await failure(
    `copy ${a.host}/acme/one:v1 ${a.host}/acme/no:v1 --platform linux/amd64`,
  );
  expect(single.message).toContain("is for linux/arm64 alone");
});

function entry({
  mediaType,
  digest,
  bytes,
}: {
  mediaType: string;
  digest: string;
  bytes: Uint8Array;
}) {
  return { mediaType, digest, size: bytes.length };
}

/** A layout whose image has a signature as a referrer, which has one itself, and one by cosign's tag. */
async function withAttachments() {
  const app = image([500]);
  const subject = { subject: entry(app.manifest), artifactType: "application/vnd.test.signature" };
  const signature = image([20], "amd64", subject);
  const nested = image([21], "amd64", { ...subject, subject: entry(signature.manifest) });
  const cosign = image([22]);
  const tag = `${app.manifest.digest.replace(":", "-")}.sig`;
  const layout = fresh();
  await writeLayout(
    layout,
    [
      { manifest: app.manifest, name: "v1" },
      { manifest: signature.manifest },
      { manifest: nested.manifest },
      { manifest: cosign.manifest, name: tag },
    ],
    partsOf(app, signature, nested, cosign),
  );
  return { layout, app, signature, nested, cosign, tag };
}

async function referrersAt(server: Server, repository: string, digest: string): Promise<string[]> {
  const { bytes } = await get(server, `${repository}/referrers/${digest}`);
  const { manifests } = JSON.parse(bytes.toString()) as { manifests: { digest: string }[] };
  return manifests.map((one) => one.digest);
}

test("--referrers takes signatures along, with theirs and cosign's tags; without it they stay", async () => {
  const { layout, app, signature, nested, cosign, tag } = await withAttachments();
  await copied(`copy oci:${layout}:v1 ${a.host}/acme/bare:v1`);
  expect(await referrersAt(a, "acme/bare", app.manifest.digest)).toEqual([]);
  expect((await get(a, `acme/bare/manifests/${tag}`)).status).toBe(404);
  await copied(`copy oci:${layout}:v1 ${a.host}/acme/signed:v1 --referrers`);
  await copied(`copy ${a.host}/acme/signed:v1 ${b.host}/acme/signed:v1 --referrers`);
  expect(await referrersAt(b, "acme/signed", app.manifest.digest)).toEqual([
    signature.manifest.digest,
  ]);
  expect(await referrersAt(b, "acme/signed", signature.manifest.digest)).toEqual([
    nested.manifest.digest,
  ]);
  expect(await expectWhole(b, "acme/signed", tag)).toBe(cosign.manifest.digest);
});

test("a registry without a list of referrers gets the tag that stands in for it, and is read by it", async () => {
  const { layout, app, signature, nested } = await withAttachments();
  await copied(`copy oci:${layout}:v1 ${older.host}/acme/signed:v1 --referrers`);
  const fallback = older.manifests.get(app.manifest.digest.replace(":", "-"));
  const listed = JSON.parse(String(fallback?.bytes)) as { manifests: object[] };
  expect(listed.manifests).toEqual([
    { ...entry(signature.manifest), artifactType: "application/vnd.test.signature" },
  ]);
  await copied(`copy ${older.host}/acme/signed:v1 ${b.host}/acme/from-older:v1 --referrers`);
  expect(await referrersAt(b, "acme/from-older", signature.manifest.digest)).toEqual([
    nested.manifest.digest,
  ]);
  expect(await expectWhole(b, "acme/from-older", "v1")).toBe(app.manifest.digest);
});

test("a killed push is gone on with: what the registry has is not sent again", async () => {
  const size = 24 * 1024 * 1024;
  const app = image([size]);
  const layout = fresh();
  await writeLayout(layout, [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  await withSlowEdge(async (edge) => {
    const line = `push oci:${layout}:v1 127.0.0.1:${edge.port}/acme/resumed:v1 --json`;
    const first = commandLine.start(line);
    await expect
      .poll(() => acknowledgedBytes(edge.requests), { interval: 20 })
      .toBeGreaterThan(1_000_000);
    first.kill("SIGKILL");
    await once(first, "close");
    const before = acknowledgedBytes(edge.requests);
    expect(before).toBeLessThan(size);
    const from = edge.requests.length;
    const { stdout, stderr } = await slipway(line);
    const second = JSON.parse(stdout) as Copied;
    expect(second).toMatchObject({ digest: app.manifest.digest, blobs: { sent: 1, there: 1 } });
    expect(second.sentBytes).toBeLessThanOrEqual(size - before);
    const [resumed] = stderr.split("\n").filter((one) => one.includes('"resumed"'));
    expect(JSON.parse(resumed ?? "")).toMatchObject({
      progress: { bytes: size - second.sentBytes, total: size },
    });
    const later = edge.requests.slice(from);
    const bytes = later.filter(isUpload).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    expect(bytes).toBeLessThanOrEqual(size - before);
    expect(bytes).toBeGreaterThan(0);
    expect(later.filter(({ method }) => method === "POST")).toEqual([]);
  });
  expect(await expectWhole(a, "acme/resumed", "v1")).toBe(app.manifest.digest);
  const kept = join(commandLine.home, "cache/slipway/uploads");
  // The kill may have left a draft, which is deleted when it is old.
  expect((await readdir(kept)).filter((name) => !name.includes("."))).toEqual([]);
});

test("an upload that began with other bytes is begun anew", async () => {
  const size = 12 * 1024 * 1024;
  const app = image([size]);
  const [layer = blob()] = app.layers;
  const layout = fresh();
  await writeLayout(layout, [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  const file = join(layout, "blobs", layer.digest.replace(":", "/"));
  const wrong = Buffer.from(layer.bytes);
  wrong[0] = (wrong[0] ?? 0) ^ 1;
  await writeFile(file, wrong);
  await withSlowEdge(async (edge) => {
    const line = `push oci:${layout}:v1 127.0.0.1:${edge.port}/acme/anew:v1`;
    const first = commandLine.start(line);
    await expect.poll(() => acknowledgedBytes(edge.requests), { interval: 20 }).toBeGreaterThan(0);
    first.kill("SIGKILL");
    await once(first, "close");
    await writeFile(file, layer.bytes);
    expect(await copied(line)).toMatchObject({ blobs: { sent: 1, there: 1 } });
  });
  expect(await expectWhole(a, "acme/anew", "v1")).toBe(app.manifest.digest);
});

test("a signal stops a push, whose temporary files go, and the next one goes on", async () => {
  const layer = Buffer.from(blob(16 * 1024 * 1024).bytes);
  const files = fresh();
  const rootfs = { type: "layers", diff_ids: [sha256(layer)] };
  await put(files, "layer.tar", layer);
  await put(files, "config.json", JSON.stringify({ os: "linux", architecture: "amd64", rootfs }));
  const listed = [{ Config: "config.json", RepoTags: ["app:v1"], Layers: ["layer.tar"] }];
  await put(files, "manifest.json", JSON.stringify(listed));
  const file = `${fresh()}.tar`;
  await archive(files, file);
  const TMPDIR = fresh();
  await mkdir(TMPDIR);
  await withSlowEdge(async (edge) => {
    const line = `push docker-archive:${file} 127.0.0.1:${edge.port}/acme/stopped:v1`;
    const child = commandLine.start(line, { env: { TMPDIR } });
    const said = text(child.stderr);
    await expect.poll(() => acknowledgedBytes(edge.requests), { interval: 20 }).toBeGreaterThan(0);
    expect(await readdir(TMPDIR)).toHaveLength(1);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number];
    expect([code, await said]).toEqual([
      130,
      expect.stringContaining("Run it again: it goes on where it stopped."),
    ]);
    expect(await readdir(TMPDIR)).toEqual([]);
    const before = edge.requests.length;
    expect(await copied(line)).toMatchObject({ blobs: { sent: 1 } });
    expect(edge.requests.slice(before).filter(({ method }) => method === "POST")).toEqual([]);
  });
  expect((await get(a, "acme/stopped/manifests/v1")).status).toBe(200);
});

/** A front of the first registry that shows what is sent, at a pace that leaves time to end a push. */
async function withSlowEdge(run: (edge: Edge) => Promise<void>): Promise<void> {
  const edge = await startEdge({
    upstream: a.url,
    limitBytes: 100_000_000,
    uplinkBytesPerSecond: 8_000_000,
  });
  try {
    await commandLine.logIn({ url: edge.url, password: a.password });
    await run(edge);
  } finally {
    await edge.stop();
  }
}

test("a layer that was not written to its end is gone on with in a layout, too", async () => {
  const app = image([500_000]);
  const [layer = blob()] = app.layers;
  for (const { bytes, digest } of [app.config, layer]) older.blobs.set(digest, Buffer.from(bytes));
  older.manifests.set("part", {
    type: app.manifest.mediaType,
    bytes: Buffer.from(app.manifest.bytes),
  });
  const layout = fresh();
  const partial = `blobs/sha256/.${layer.digest.slice("sha256:".length)}.partial`;
  await put(layout, partial, layer.bytes.subarray(0, 300_000));
  const before = older.ranges.length;
  await copied(`copy ${older.host}/acme/app:part oci:${layout}`);
  const whole = fresh();
  await put(whole, partial, layer.bytes);
  await copied(`copy ${older.host}/acme/app:part oci:${whole}`);
  // The configs, and what was missing of the layer; of the one that is there nothing is asked for.
  expect(older.ranges.slice(before).toSorted()).toEqual(["", "", "bytes=300000-499999"]);
  expect(sha256(await readFile(join(layout, "blobs", layer.digest.replace(":", "/"))))).toBe(
    layer.digest,
  );
  expect(await readdir(join(layout, "blobs/sha256"))).toHaveLength(3);
  // A second image beside it leaves the first where it is.
  await copied(`copy oci:${layout}:part oci:${layout}:other`);
  const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
    manifests: { annotations: Record<string, string> }[];
  };
  expect(manifests.flatMap(({ annotations }) => Object.values(annotations))).toEqual([
    "part",
    "other",
  ]);
});

test("at a terminal each layer has a line that is drawn over, and stays when it is through", async () => {
  const { layout } = await twoPlatforms();
  const shown = await commandLine.atTerminal(`push oci:${layout} ${b.host}/acme/shown:v1`);
  const lines = unwrapped(shown);
  expect(lines.match(/sha256:[0-9a-f]{12} sent \(/g)).toHaveLength(5);
  expect(lines).toContain(`Copied oci:${layout} to ${b.host}/acme/shown:v1: 5 blobs sent`);
});

test("a wait for a registry that is lost is told above the lines that are drawn over", async () => {
  const layout = fresh();
  const app = image([300_000]);
  await writeLayout(layout, [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  let left = 1;
  const edge = await startEdge({
    upstream: a.url,
    limitBytes: 100_000_000,
    faults: ({ method, path }) =>
      method === "PUT" && path.includes("/blobs/uploads/") && left-- > 0
        ? { kind: "refuse", status: 503, retryAfterSeconds: 2 }
        : null,
  });
  try {
    await commandLine.logIn({ url: edge.url, password: a.password });
    const line = `push oci:${layout} 127.0.0.1:${edge.port}/acme/waited:v1`;
    const shown = unwrapped(await commandLine.atTerminal(line));
    expect(shown).toContain(
      `slipway: warning: ${edge.url} answered 503; trying again in 2 s, giving up in about `,
    );
    expect(shown).toContain("2 blobs sent");
  } finally {
    await edge.stop();
  }
});

interface Request {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bodyBytes: number;
}

function isUpload({ path }: Request): boolean {
  return path.includes("/blobs/uploads/");
}

/** Bytes that the registry has said to have. */
function acknowledgedBytes(requests: readonly Request[]): number {
  const stored = requests.filter((one) => isUpload(one) && one.status === 202);
  return stored.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
}

test("a damaged source is told, and nothing of it is left at the target", async () => {
  const app = image([300_000]);
  const [layer] = app.layers;
  const layout = fresh();
  await writeLayout(layout, [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  const file = join(layout, "blobs", layer?.digest.replace(":", "/") ?? "");
  const bytes = await readFile(file);
  bytes[150_000] = (bytes[150_000] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const error = await failure(`push oci:${layout} ${a.host}/acme/damaged:v1`);
  expect([error.code, error.message]).toEqual([
    "DAMAGED",
    expect.stringContaining(`of the blob ${layer?.digest}, its bytes have the digest`),
  ]);
  // Where a blob goes in one request, its end is held back.
  expect((await failure(`push oci:${layout} ${older.host}/acme/damaged:v9`)).code).toBe("DAMAGED");
  expect([older.blobs.has(layer?.digest ?? ""), older.manifests.has("v9")]).toEqual([false, false]);
  expect((await get(a, "acme/damaged/manifests/v1")).status).toBe(404);
  expect((await get(a, `acme/damaged/blobs/${layer?.digest}`)).status).toBe(404);
  await writeFile(file, bytes.subarray(0, 1000));
  expect((await failure(`push oci:${layout} ${a.host}/acme/damaged:v1`)).message).toContain(
    "it has 1000 bytes instead of 300000",
  );
  const manifestFile = join(layout, "blobs", app.manifest.digest.replace(":", "/"));
  await writeFile(manifestFile, "{}");
  expect((await failure(`push oci:${layout} ${a.host}/acme/damaged:v1`)).message).toContain(
    `the manifest ${app.manifest.digest} is damaged at its source`,
  );
});

test("a source that breaks off is read on from there; one that lies is refused by both sides", async () => {
  const app = image([600_000]);
  const [layer = blob()] = app.layers;
  for (const { bytes, digest } of [app.config, layer]) older.blobs.set(digest, Buffer.from(bytes));
  older.manifests.set("breaks", {
    type: app.manifest.mediaType,
    bytes: Buffer.from(app.manifest.bytes),
  });
  let cuts = 3;
  const at: number[] = [];
  older.interfere = (request, response) => {
    if (request.method !== "GET" || !request.url?.endsWith(layer.digest)) return false;
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    at.push(start);
    if (cuts-- === 0) return false;
    response.writeHead(206, { "content-length": layer.bytes.length - start });
    response.write(layer.bytes.subarray(start, start + 100_000), () => response.destroy());
    return true;
  };
  try {
    await copied(`copy ${older.host}/acme/app:breaks ${a.host}/acme/breaks:v1`);
  } finally {
    older.interfere = null;
  }
  expect(await expectWhole(a, "acme/breaks", "v1")).toBe(app.manifest.digest);
  expect(at).toHaveLength(4);
  expect(at).toEqual(at.toSorted((x, y) => x - y));
  older.blobs.set(layer.digest, Buffer.from(blob(600_000).bytes));
  expect((await failure(`copy ${older.host}/acme/app:breaks ${b.host}/acme/breaks:v1`)).code).toBe(
    "DAMAGED",
  );
});

test("a registry that tells no size for a request gets each blob in one, after a pause if it is busy", async () => {
  const app = image([400_000]);
  const layout = fresh();
  await writeLayout(layout, [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  const busy = new Map([
    ["HEAD", 2],
    ["PUT", 2],
    ["POST", 1],
  ]);
  older.interfere = (request, response) => {
    const left = busy.get(request.method ?? "") ?? 0;
    if (left === 0) return false;
    busy.set(request.method ?? "", left - 1);
    request.resume();
    response.writeHead(left === 2 ? 429 : 503, { "retry-after": "0" }).end();
    return true;
  };
  const before = older.requests.length;
  try {
    await copied(`push oci:${layout} ${older.host}/acme/whole:v1`);
  } finally {
    older.interfere = null;
  }
  expect(older.manifests.get("v1")?.bytes.equals(Buffer.from(app.manifest.bytes))).toBe(true);
  for (const { digest } of partsOf(app)) expect(older.blobs.has(digest)).toBe(true);
  const methods = older.requests.slice(before).map((line) => line.split(" ")[0]);
  expect(methods).not.toContain("PATCH");
  expect([...busy.values()]).toEqual([0, 0, 0]);
});

/** What `docker save` writes: before version 25, and since. */
async function saved(form: "old" | "new", format: "gnu" | "pax") {
  const layers = [Buffer.alloc(100_000, "first"), Buffer.alloc(50_000, "second")];
  const packed = gzipSync(Buffer.from("a layer that is compressed already"));
  const diffIds = [...layers.map(sha256), sha256(gunzipSync(packed))];
  const config = JSON.stringify({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: diffIds },
  });
  const files = fresh();
  const file = `${fresh()}.tar`;
  const RepoTags = ["acme/app:v7"];
  // Such a name does not fit into a header of tar.
  const long = `${"a".repeat(90)}/${"b".repeat(40)}`;
  if (form === "old") {
    await put(files, `${long}/layer.tar`, layers[0] ?? "");
    await put(files, "two/layer.tar", layers[1] ?? "");
    await put(files, "three/VERSION", "1.0");
    await put(files, "packed.tar.gz", packed);
    await symlink("../packed.tar.gz", join(files, "three/layer.tar"));
    await put(files, "config.json", config);
    const Layers = [`${long}/layer.tar`, "two/layer.tar", "three/layer.tar"];
    await put(
      files,
      "manifest.json",
      JSON.stringify([{ Config: "config.json", RepoTags, Layers }]),
    );
  } else {
    const all = [...layers, packed];
    const media = ["", "", "+gzip"].map((end) => `application/vnd.oci.image.layer.v1.tar${end}`);
    const manifest = makeManifest("application/vnd.oci.image.manifest.v1+json", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: sha256(config),
        size: config.length,
      },
      layers: all.map((bytes, i) => ({
        mediaType: media[i],
        digest: sha256(bytes),
        size: bytes.length,
      })),
    });
    const parts = [Buffer.from(config), ...all].map((bytes) => content(Uint8Array.from(bytes)));
    await writeLayout(files, [{ manifest, name: "v7" }], parts);
    await put(files, "manifest.json", "[]");
  }
  await archive(files, file, format);
  return { file, layers, packed };
}

test.each([
  ["old", "gnu"],
  ["old", "pax"],
  ["new", "pax"],
] as const)(
  "an archive of docker's %s form (%s) is pushed with its layers compressed",
  async (form, format) => {
    const { file, layers, packed } = await saved(form, format);
    const repository = `acme/${form}-${format}`;
    const { digest } = await copied(`push docker-archive:${file} ${a.host}/${repository}:v7`);
    expect(await expectWhole(a, repository, "v7")).toBe(digest);
    const { bytes } = await get(a, `${repository}/manifests/v7`);
    const body = JSON.parse(bytes.toString()) as {
      layers: { mediaType: string; digest: string }[];
    };
    const found: Buffer[] = [];
    for (const layer of body.layers) {
      expect(layer.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
      found.push(gunzipSync((await get(a, `${repository}/blobs/${layer.digest}`)).bytes));
    }
    expect(found.map(sha256)).toEqual([...layers, gunzipSync(packed)].map(sha256));
    // What was compressed keeps its digest.
    expect(body.layers[2]?.digest).toBe(sha256(packed));
    // A second run knows the digests without compressing, and sends nothing; one to elsewhere leaves no file behind.
    const { code, stdout, stderr } = await slipway(
      `push docker-archive:${file} ${a.host}/${repository}:v8 --json`,
    );
    expect([code, stderr.includes("compressed")]).toEqual([0, false]);
    expect(JSON.parse(stdout)).toMatchObject({ digest, sentBytes: 0 });
    const TMPDIR = fresh();
    await mkdir(TMPDIR);
    const line = `push docker-archive:${file} ${b.host}/${repository}:v8`;
    expect((await slipway(line, { env: { TMPDIR } })).stderr).toContain("compressed");
    expect(await expectWhole(b, repository, "v8")).toBe(digest);
    expect(await readdir(TMPDIR)).toEqual([]);
  },
);

test("an archive is chosen from by its name, and a damaged one is told", async () => {
  const { file } = await saved("old", "gnu");
  expect(
    (await copied(`push docker-archive:${file}:acme/app:v7 ${a.host}/acme/named`)).blobs.sent,
  ).toBe(4);
  expect((await get(a, "acme/named/manifests/v7")).status).toBe(200);
  const other = await failure(`push docker-archive:${file}:acme/app:v8 ${a.host}/acme/named`);
  expect(other.message).toContain("is not there; there are: acme/app:v7");
  const bytes = await readFile(file);
  const zipped = `${fresh()}.tar.gz`;
  await writeFile(zipped, gzipSync(bytes));
  expect((await copied(`push docker-archive:${zipped} ${b.host}/acme/zipped:v7`)).blobs.sent).toBe(
    4,
  );
  const place = bytes.indexOf("firstfirst");
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  const damaged = `${fresh()}.tar`;
  await writeFile(damaged, bytes);
  await rm(join(commandLine.home, "cache"), { recursive: true, force: true });
  expect(await failure(`push docker-archive:${damaged} ${a.host}/acme/x:v1`)).toMatchObject({
    code: "DAMAGED",
    message: expect.stringMatching(/is damaged: the layer sha256:\w+ has other bytes/),
  });
  await writeFile(damaged, bytes.subarray(0, 60_000));
  expect((await failure(`push docker-archive:${damaged} ${a.host}/acme/x:v1`)).message).toContain(
    "it is damaged, or was not written to its end",
  );
  await writeFile(damaged, "no archive at all, but long enough to have a header: ".repeat(20));
  expect((await failure(`push docker-archive:${damaged} ${a.host}/acme/x:v1`)).message).toContain(
    "it is no tar archive",
  );
});

test("a plain name is the docker daemon's, which is asked by docker save", async () => {
  const { file } = await saved("old", "gnu");
  const programs = fresh();
  await put(
    programs,
    "docker",
    `#!/bin/sh
[ "$1 $2 $4" = "save --output --" ] || exit 2
[ "$5" = "${a.host}/acme/daemon:v3" ] || { echo "no such image: $5" >&2; exit 1; }
cp "${file}" "$3"
`,
  );
  await chmod(join(programs, "docker"), 0o755);
  const env = { PATH: `${programs}:${process.env["PATH"] ?? ""}` };
  const { code, stderr } = await slipway(`push ${a.host}/acme/daemon:v3`, { env });
  expect([code, stderr]).toEqual([0, expect.stringContaining("read from the docker daemon")]);
  expect((await get(a, "acme/daemon/manifests/v3")).status).toBe(200);
  const unknown = await slipway(`push ${a.host}/acme/daemon:v4`, { env });
  expect([unknown.code, unknown.stderr]).toEqual([
    1,
    expect.stringContaining(`from the docker daemon: no such image: ${a.host}/acme/daemon:v4`),
  ]);
});

test("what cannot be meant is refused with what to write instead", async () => {
  const { layout } = await twoPlatforms();
  const messages = await Promise.all(
    [
      `push oci:${layout}`,
      `push ${layout} ${a.host}/acme/app:v1`,
      `copy acme/app:v1 ${a.host}/acme/app:v1`,
      `copy ${a.host}/acme/nothing:v1 ${b.host}/acme/app:v1`,
      `copy ${a.host}/acme/app:v1 ${b.host}/Acme/app:v1`,
      `copy oci:${layout}:v2 ${a.host}/acme/app:v1`,
      `copy ${a.host}/acme/app:v1 ${b.host}/acme/app@sha256:${"0".repeat(64)}`,
      `copy dir:${layout} ${a.host}/acme/app:v1`,
      `push dir:${layout} ${a.host}/acme/app:v1`,
      `push containers-storage:app:v1 ${a.host}/acme/app:v1`,
      `copy ${a.host}/acme/app:v1 oci-archive:${layout}.tar`,
      `copy ${a.host}/acme/app:v1 docker-daemon:app:v1`,
      `push docker-archive:${layout} ${a.host}/acme/app:v1`,
      `push oci:${layout}/index.json ${a.host}/acme/app:v1`,
      `copy oci:${layout} oci:${layout}/index.json`,
    ].map(async (line) => {
      const { message, hint } = await failure(line);
      return `${message} / ${hint ?? ""}`;
    }),
  );
  expect(
    messages.map((one) => one.replaceAll(layout, "LAYOUT").replaceAll(/127\.0\.0\.1:\d+/g, "HOST")),
  ).toEqual([
    "push it where to? / Name the target: slipway push oci:LAYOUT HOST/REPOSITORY:TAG",
    `"LAYOUT" is the name of a file here / To push it: oci:LAYOUT`,
    `"acme/app:v1" does not say which registry: begin it with the registry's host / For Docker Hub: docker.io/acme/app:v1`,
    "there is no HOST/acme/nothing:v1, or you may not see it / ",
    `"HOST/Acme/app:v1": names of repositories are in lower case / Write HOST/acme/app:v1`,
    "oci:LAYOUT:v2 is not there; there are: v1 / ",
    expect.stringContaining("names a digest, which only the image itself decides / Name a tag"),
    "images of the kind dir: are not read or written / Make a layout of it: skopeo copy dir:FOLDER oci:OTHER:TAG",
    "images of the kind dir: are not read or written / Make a layout of it: skopeo copy dir:FOLDER oci:OTHER:TAG",
    "images of the kind containers-storage: are not read or written / Save it: podman save --format oci-archive -o FILE NAME, then oci-archive:FILE",
    `"oci-archive:LAYOUT.tar" cannot be the target: an archive is only read / Write oci:FOLDER:TAG, and pack that by tar -C FOLDER -cf FILE .`,
    `"docker-daemon:app:v1" cannot be the target: the docker daemon is only read / Write HOST/REPOSITORY:TAG, and pull it from there`,
    "LAYOUT is a folder, and no archive / For an OCI layout in a folder: oci:LAYOUT",
    "LAYOUT/index.json is a file, and no folder / For an archive: oci-archive:LAYOUT/index.json, or docker-archive:LAYOUT/index.json if docker save wrote it",
    "cannot write to LAYOUT/index.json: it is a file, and a layout is a folder / ",
  ]);
});

test("it says in the end what it did, and a line for each layer before", async () => {
  const { layout, root } = await twoPlatforms();
  const { stdout, stderr } = await slipway(`push oci:${layout} ${a.host}/acme/said:v1`);
  expect(stdout).toBe(
    `Copied oci:${layout} to ${a.host}/acme/said:v1: 5 blobs sent (${/\((.*?)\)/.exec(stdout)?.[1]}).\n${root.digest}\n`,
  );
  expect(stderr.trimEnd().split("\n").toSorted()).toEqual(
    Array.from({ length: 5 }, () =>
      expect.stringMatching(/^sha256:[0-9a-f]{12}: sent \(.* (B|KiB)\)$/),
    ),
  );
});
