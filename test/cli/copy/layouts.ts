/** Images to copy: OCI layouts in folders, and in docker's archives. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  blob,
  type Content,
  imageManifest,
  index,
  type Manifest,
  text,
} from "../../support/images.ts";

export interface Image {
  readonly manifest: Manifest;
  readonly config: Content;
  readonly layers: readonly Content[];
}

/** An image with random layers, of a platform. */
export function image(
  sizes: readonly number[],
  architecture = "amd64",
  fields: object = {},
): Image {
  const layers = sizes.map((size) => blob(size));
  const diffIds = layers.map(({ digest }) => digest);
  const rootfs = { type: "layers", diff_ids: diffIds };
  const config = text(JSON.stringify({ os: "linux", architecture, rootfs, id: blob().digest }));
  return { manifest: imageManifest({ config, layers, fields }), config, layers };
}

/** An index of images, which says their platforms. */
export function indexOf(images: Readonly<Record<string, Image>>): Manifest {
  const manifests = Object.entries(images).map(([architecture, { manifest }]) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { os: "linux", architecture },
  }));
  return index([], { manifests });
}

interface Listed {
  readonly manifest: Manifest;
  readonly name?: string;
}

/** Writes an OCI layout. @param others what index.json does not list */
export async function writeLayout(
  folder: string,
  listed: readonly Listed[],
  others: readonly Content[],
): Promise<void> {
  for (const { bytes, digest } of [...listed.map(({ manifest }) => manifest), ...others]) {
    await put(folder, `blobs/${digest.replace(":", "/")}`, bytes);
  }
  const manifests = listed.map(({ manifest, name }) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(name === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": name } }),
  }));
  await put(folder, "oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  await put(folder, "index.json", JSON.stringify({ schemaVersion: 2, manifests }));
}

export function partsOf(...images: readonly Image[]): Content[] {
  return images.flatMap(({ config, layers }) => [config, ...layers]);
}

export async function put(folder: string, name: string, bytes: Uint8Array | string): Promise<void> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** Makes an archive of a folder's files by the system's tar. */
export async function archive(
  folder: string,
  file: string,
  format: "gnu" | "pax" | "ustar" = "pax",
): Promise<void> {
  await promisify(execFile)("tar", [`--format=${format}`, "-cf", file, "-C", folder, "."]);
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
