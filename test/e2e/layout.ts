/** Writes OCI image layouts: layers, configs, manifests, and the archive of a whole layout. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { file, tar, type Entry } from "./tar.ts";

const OCI = "application/vnd.oci.image";
export const indexType = `${OCI}.index.v1+json`;

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
}

export function platformName(platform: Descriptor["platform"]): string {
  if (platform === undefined) return "none";
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

export interface Layer extends Descriptor {
  diffId: string;
}

export interface Written extends Descriptor {
  config: string;
}

export async function writeLayer(layout: string, entries: Entry[], level: number): Promise<Layer> {
  const draft = join(layout, "blobs", "layer.draft");
  const plain = createHash("sha256");
  const packed = createHash("sha256");
  let size = 0;
  await pipeline(
    Readable.from(tar(entries)),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        plain.update(chunk);
        yield chunk;
      }
    },
    createGzip({ level }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        packed.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(draft),
  );
  const hex = packed.digest("hex");
  await rename(draft, join(layout, "blobs", "sha256", hex));
  const diffId = `sha256:${plain.digest("hex")}`;
  return { mediaType: `${OCI}.layer.v1.tar+gzip`, digest: `sha256:${hex}`, size, diffId };
}

export interface Parts {
  platform: NonNullable<Descriptor["platform"]>;
  layers: Layer[];
  command: string[];
}

export async function writeManifest(layout: string, parts: Parts): Promise<Written> {
  const { platform, layers, command } = parts;
  const created = "2020-01-01T00:00:00Z";
  const config = {
    created,
    ...platform,
    config: { Cmd: command, Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, index) => ({ created, created_by: `layer ${index + 1}` })),
  };
  const mediaType = `${OCI}.manifest.v1+json`;
  const configBlob = await writeBlob(layout, `${OCI}.config.v1+json`, JSON.stringify(config));
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: configBlob,
    layers: layers.map(descriptorOf),
  };
  const written = await writeBlob(layout, mediaType, JSON.stringify(manifest));
  return { ...written, platform, config: configBlob.digest };
}

function descriptorOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

export async function writeBlob(
  layout: string,
  mediaType: string,
  text: string,
): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const hex = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(layout, "blobs", "sha256", hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

export async function writeIndexFile(
  layout: string,
  name: string,
  root: Descriptor,
): Promise<void> {
  const { mediaType, digest, size } = root;
  const annotations = {
    "io.containerd.image.name": `docker.io/slipway/${name}:v1`,
    "org.opencontainers.image.ref.name": "v1",
  };
  const manifests = [{ mediaType, digest, size, annotations }];
  const index = { schemaVersion: 2, mediaType: indexType, manifests };
  await writeFile(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, "index.json"), JSON.stringify(index));
}

export async function writeArchive(
  layout: string,
  archive: string,
  dockerManifest: string,
): Promise<void> {
  const names = (await readdir(layout, { recursive: true })).toSorted();
  const entries: Entry[] = [];
  for (const name of names) {
    const { size, ...details } = await stat(join(layout, name));
    const isFolder = (details.mode & 0o170000) === 0o040000;
    const content = bytesOf(join(layout, name));
    entries.push(isFolder ? { path: `${name}/` } : { path: name, size, content });
  }
  entries.push(file("manifest.json", Buffer.from(dockerManifest)));
  await pipeline(Readable.from(tar(entries)), createWriteStream(archive));
}

/** Opened when its turn comes, so that a layout of many files doesn't open them all at once. */
async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
}
