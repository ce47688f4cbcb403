/** Compares what is pulled byte for byte with what was pushed. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository, type Bench } from "./client.ts";
import type { Image } from "./images.ts";
import { platformName } from "./layout.ts";
import {
  readBlob,
  readJson,
  readManifest,
  requests,
  type Manifest,
  type StoredManifest,
} from "./registry.ts";
import { run } from "./shell.ts";

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (got !== wanted) throw new Error(`${what}: got ${got}, expected ${wanted}`);
}

export function expectText(text: string, part: string | RegExp, what: string): void {
  const found = typeof part === "string" ? text.includes(part) : part.test(text);
  if (!found) throw new Error(`${what}: no ${part} in ${text.trim().slice(-1000)}`);
}

/** Checks that an OCI layout written by a client holds every byte of the image, and names the same root. */
export async function expectLayout(image: Image, layout: string, root = image.digest) {
  const index = await readFile(join(layout, "index.json"), "utf8");
  expectText(index, root, "index.json");
  for (const digest of await contentOf(image, root)) {
    await expectSameBytes(blobPath(image.layout, digest), blobPath(layout, digest));
  }
}

/** A folder in skopeo's `dir:` shape holds every byte of the image. */
export async function expectFolder(image: Image, folder: string, root = image.digest) {
  await expectSameBytes(blobPath(image.layout, root), join(folder, "manifest.json"));
  for (const digest of await contentOf(image, root)) {
    const hex = digest.replace("sha256:", "");
    const manifest = image.platforms[platformOf(image, digest)] === digest;
    if (digest === root || (manifest && image.digest === root)) continue;
    await expectSameBytes(blobPath(image.layout, digest), join(folder, hex));
  }
}

function platformOf(image: Image, digest: string): string {
  return Object.entries(image.platforms).find(([, value]) => value === digest)?.[0] ?? "";
}

export async function expectSameBytes(pushed: string, pulled: string): Promise<void> {
  await run(["cmp", pushed, pulled]);
}

/** The registry holds the very manifest that the image has, and every blob it names. */
export async function expectStored(
  bench: Bench,
  image: Image,
  name: string,
  tag = "v1",
): Promise<StoredManifest> {
  const stored = await readManifest(bench.registry, repository(bench, name), tag);
  expectEqual(stored.digest, image.digest, `digest of ${name}:${tag}`);
  await expectContent(bench, name, stored.manifest);
  return stored;
}

/**
 * Compares unpacked files, for clients that compress layers again or rewrite the manifest: the layers must unpack to
 * the same, and the config must list exactly those.
 */
export async function expectSameFiles(
  bench: Bench,
  image: Image,
  name: string,
  tag = "v1",
): Promise<StoredManifest> {
  const repo = repository(bench, name);
  const top = await readManifest(bench.registry, repo, tag);
  const own = top.manifest.manifests?.find(
    (child) => image.platforms[platformName(child.platform)] !== undefined,
  );
  const stored = own === undefined ? top : await readManifest(bench.registry, repo, own.digest);
  const diffIds = await expectContent(bench, name, stored.manifest);
  expectEqual(diffIds, image.diffIds, `unpacked layers of ${name}:${tag}`);
  return top;
}

/**
 * The layers came to a repository by mount and not by upload: a start of an upload that is answered
 * with 201. Known from the registry's log, so only where this run started the registry.
 */
export function expectMounted(bench: Bench, name: string, layers: number): void {
  const mounted = requestsTo(bench, name, "POST", 201);
  if (mounted === undefined || mounted >= layers) return;
  throw new Error(`${mounted} of ${layers} layers of ${name} were mounted`);
}

/** Counts the upload requests of a repository; undefined without the registry's log. */
export function requestsTo(
  bench: Bench,
  name: string,
  method: string,
  status?: number,
): number | undefined {
  return requests(bench.registry)?.filter(
    (request) =>
      request.repository === repository(bench, name) &&
      request.route.includes("/blobs/uploads") &&
      request.method === method &&
      (status === undefined || request.status === status),
  ).length;
}

/** Returns the artifact types of a manifest's referrers. */
export async function referrersOf(bench: Bench, name: string, digest: string): Promise<string[]> {
  const answer = await readJson(
    bench.registry,
    `/v2/${repository(bench, name)}/referrers/${digest}`,
  );
  const { manifests = [] } = answer as { manifests?: { artifactType?: string }[] };
  return manifests.map(({ artifactType = "" }) => artifactType).toSorted();
}

/** Reads all that a manifest names, children included; returns the digests of the unpacked layers. */
async function expectContent(bench: Bench, name: string, manifest: Manifest): Promise<string[]> {
  const repo = repository(bench, name);
  for (const child of manifest.manifests ?? []) {
    const stored = await readManifest(bench.registry, repo, child.digest);
    await expectContent(bench, name, stored.manifest);
  }
  if (manifest.config !== undefined) await readBlob(bench.registry, repo, manifest.config);
  const diffIds: string[] = [];
  for (const layer of manifest.layers ?? []) {
    diffIds.push(await readBlob(bench.registry, repo, layer));
  }
  return diffIds;
}

/** Returns the digests of all blobs that the image's layout reaches from a manifest or index. */
async function contentOf(image: Image, root: string): Promise<string[]> {
  const bytes = await readFile(blobPath(image.layout, root));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  expectEqual(digest, root, "a blob of the test image");
  const manifest: Manifest = JSON.parse(bytes.toString());
  const digests = [root];
  if (manifest.config !== undefined) digests.push(manifest.config.digest);
  digests.push(...(manifest.layers ?? []).map((layer) => layer.digest));
  for (const child of manifest.manifests ?? []) {
    digests.push(...(await contentOf(image, child.digest)));
  }
  return digests;
}

function blobPath(layout: string, digest: string): string {
  return join(layout, "blobs", digest.replace(":", "/"));
}
