/** Writes images as OCI layouts, each layer from a folder by GNU tar. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, gzip, zstdCompress } from "node:zlib";
import { run } from "../e2e/shell.ts";

export interface LayerPlan {
  /** The folder that holds the layer's files. */
  readonly tree: string;
  /** What of the folder is in the layer; all by default. */
  readonly part?: string;
  /** By default "gzip". */
  readonly compression?: "none" | "gzip" | "zstd";
  /** The dialect of tar, by default "pax". */
  readonly format?: "gnu" | "pax" | "ustar";
}

export interface ImageLayer {
  readonly digest: string;
  readonly diffId: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly unpackedBytes: number;
}

export interface Image {
  readonly name: string;
  readonly layout: string;
  readonly layers: readonly ImageLayer[];
}

const OCI = "application/vnd.oci.image";
const SUFFIXES = { none: "", gzip: "+gzip", zstd: "+zstd" };

export async function writeImage(
  layout: string,
  name: string,
  plans: readonly LayerPlan[],
): Promise<Image> {
  await mkdir(join(layout, "blobs/sha256"), { recursive: true });
  const layers: (ImageLayer & { mediaType: string })[] = [];
  for (const plan of plans) layers.push(await writeLayer(layout, plan));
  const config = await writeBlob(layout, `${OCI}.config.v1+json`, {
    created: "2026-01-01T00:00:00Z",
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, i) => ({ created_by: `layer ${i}` })),
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = await writeBlob(layout, mediaType, {
    schemaVersion: 2,
    mediaType,
    config,
    layers: layers.map(({ mediaType: type, digest, sizeBytes: size }) => ({
      mediaType: type,
      digest,
      size,
    })),
  });
  await writeFile(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const index = { schemaVersion: 2, manifests: [manifest] };
  await writeFile(join(layout, "index.json"), JSON.stringify(index));
  return { name, layout, layers };
}

async function writeLayer(layout: string, plan: LayerPlan) {
  const { tree, part = ".", compression = "gzip", format = "pax" } = plan;
  const draft = join(layout, "draft.tar");
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  const archive = ["tar", `--format=${format}`, ...same, "-C", tree, "-cf", draft, part];
  await run(archive, { timeout: 600 });
  const plain = await readFile(draft);
  const packed = await compress(plain, compression);
  const digest = sha256(packed);
  const path = join(layout, "blobs/sha256", digest.slice(7));
  await writeFile(draft, packed);
  await rename(draft, path);
  return {
    mediaType: `${OCI}.layer.v1.tar${SUFFIXES[compression]}`,
    digest,
    diffId: sha256(plain),
    path,
    sizeBytes: (await stat(path)).size,
    unpackedBytes: plain.length,
  };
}

async function compress(bytes: Buffer, compression: "none" | "gzip" | "zstd"): Promise<Buffer> {
  if (compression === "none") return bytes;
  if (compression === "gzip") return promisify(gzip)(bytes, { level: 1 });
  const params = { [constants.ZSTD_c_compressionLevel]: 3 };
  return promisify(zstdCompress)(bytes, { params });
}

async function writeBlob(layout: string, mediaType: string, json: unknown) {
  const bytes = Buffer.from(JSON.stringify(json));
  const digest = sha256(bytes);
  await writeFile(join(layout, "blobs/sha256", digest.slice(7)), bytes);
  return { mediaType, digest, size: bytes.length };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
