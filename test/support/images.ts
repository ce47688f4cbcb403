/** Content to push: random blobs, and the manifests that name them. */
import { createHash } from "node:crypto";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Content {
  readonly bytes: Bytes;
  /** The sha256 digest. */
  readonly digest: string;
}

export interface Manifest extends Content {
  readonly mediaType: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

/** A generator of whole numbers with period 2^32 (mulberry32): the same seed gives the same test. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Makes bytes that no other test has. */
export function blob(size = 100): Content {
  const next = random(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
  return content(randomBytes(size, next));
}

export function randomBytes(size: number, next: () => number): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = next();
  return new Uint8Array(words.buffer, 0, size);
}

export function content(bytes: Bytes): Content {
  return { bytes, digest: digestOf(bytes) };
}

export function text(value: string): Content {
  return content(new Uint8Array(new TextEncoder().encode(value)));
}

export function digestOf(bytes: Uint8Array, algorithm: "sha256" | "sha512" = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Returns a digest that no content has. */
export function unknownDigest(): string {
  return blob(32).digest;
}

export function describe(
  { bytes, digest }: Content,
  mediaType: string,
  fields: object = {},
): Descriptor {
  return { mediaType, digest, size: bytes.length, ...fields };
}

export interface ImageParts {
  readonly config: Content;
  readonly layers?: readonly Content[];
  /** Further fields of the manifest, which may replace the usual ones. */
  readonly fields?: object;
}

export function imageManifest({ config, layers = [], fields = {} }: ImageParts): Manifest {
  return manifest(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(config, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map((layer) => describe(layer, "application/vnd.oci.image.layer.v1.tar+gzip")),
    ...fields,
  });
}

export function index(children: readonly Manifest[], fields: object = {}): Manifest {
  return manifest(OCI_INDEX, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: children.map((child) => describe(child, child.mediaType)),
    ...fields,
  });
}

export function manifest(mediaType: string, body: object): Manifest {
  return { ...text(JSON.stringify(body)), mediaType };
}

export function uniqueRepository(): string {
  return `test/${crypto.randomUUID()}`;
}
