/** A manifest as it was pushed: its bytes never change, and what it names is read from them. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import { type Algorithm, algorithmOf, type Digest, isDigest } from "../../oci/digest.ts";
import { isNonDistributable, manifestKind, OCI_INDEX, OCI_MANIFEST } from "../../oci/media-type.ts";
import { CliError } from "../error.ts";

/** A descriptor (image-spec descriptor.md); other fields are kept, so that an index can be written anew. */
const Descriptor = v.looseObject({
  mediaType: v.nullish(v.string(), ""),
  digest: v.pipe(
    v.string(),
    v.check(isDigest, "no sha256 or sha512 digest"),
    v.transform((text) => text as Digest),
  ),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  urls: v.nullish(v.array(v.string()), []),
  annotations: v.nullish(v.record(v.string(), v.string()), {}),
  platform: v.nullish(
    v.looseObject({
      os: v.nullish(v.string(), ""),
      architecture: v.nullish(v.string(), ""),
      variant: v.nullish(v.string(), ""),
    }),
  ),
});
export type Descriptor = v.InferOutput<typeof Descriptor>;

const Body = v.looseObject({
  schemaVersion: v.nullish(v.number()),
  mediaType: v.nullish(v.string(), ""),
  config: v.nullish(Descriptor),
  layers: v.nullish(v.array(Descriptor), []),
  blobs: v.nullish(v.array(Descriptor), []),
  manifests: v.nullish(v.array(Descriptor), []),
  subject: v.nullish(Descriptor),
  artifactType: v.nullish(v.string(), ""),
  annotations: v.nullish(v.record(v.string(), v.string()), {}),
});
export type Body = v.InferOutput<typeof Body>;

export interface Manifest {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly body: Body;
}

/** The largest manifest that registries take (spec.md, "Pushing Manifests", asks for 4 MiB at least). */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/**
 * @param expected the digest by which it was asked for; null after a tag
 * @param contentType what the registry or descriptor says; the body's own mediaType wins
 * @throws CliError if the bytes are others, or no manifest
 */
export function parseManifest(
  bytes: Buffer,
  expected: Digest | null,
  contentType: string,
): Manifest {
  const digest = digestOf(bytes, expected === null ? "sha256" : algorithmOf(expected));
  if (expected !== null && digest !== expected) {
    throw new CliError(
      `the manifest ${expected} is damaged at its source: its bytes are ${digest}`,
      {
        code: "DAMAGED",
      },
    );
  }
  const body = v.safeParse(v.pipe(v.string(), v.parseJson(), Body), bytes.toString());
  if (!body.success) {
    const [{ message }] = body.issues;
    const place = v.getDotPath(body.issues[0]);
    throw new CliError(`${digest} is no manifest: ${place === null ? "" : `${place}: `}${message}`);
  }
  const mediaType =
    body.output.mediaType || contentType.split(";")[0]?.trim() || sniff(body.output);
  if (manifestKind(mediaType) === undefined) {
    const hint = /v1\+(?:pretty)?jws|manifest\.v1/.test(mediaType)
      ? "It is of Docker's schema 1, which registries no longer take: build or pull and push it anew."
      : "Manifests of OCI and of Docker's schema 2 can be copied.";
    throw new CliError(`${digest} has the media type ${mediaType}, which is no image's`, { hint });
  }
  return { bytes, digest, mediaType, body: body.output };
}

function sniff({ manifests, layers }: Body): string {
  return manifests.length > 0 && layers.length === 0 ? OCI_INDEX : OCI_MANIFEST;
}

/** Writes a manifest whose body was changed. */
export function writeManifest(body: object, mediaType: string): Manifest {
  return parseManifest(Buffer.from(JSON.stringify(body)), null, mediaType);
}

/** The manifests that an index names. */
export function childrenOf({ body }: Manifest): Descriptor[] {
  return body.manifests.filter(isManifest);
}

/** The blobs that it names, each once. What a client need not push, such as Windows' base layers, is left out. */
export function blobsOf({ body }: Manifest): Descriptor[] {
  const { config, layers, blobs, manifests } = body;
  const named = [
    ...(config == null ? [] : [config]),
    ...layers,
    ...blobs,
    // BuildKit's older caches list layers in an index.
    ...manifests.filter((child) => !isManifest(child)),
  ].filter(({ mediaType, urls }) => !isNonDistributable(mediaType) && urls.length === 0);
  return [...new Map(named.map((one) => [one.digest, one])).values()];
}

function isManifest({ mediaType }: Descriptor): boolean {
  return mediaType === "" || manifestKind(mediaType) !== undefined;
}

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
}

export function descriptorOf({ bytes, digest, mediaType }: Manifest) {
  return { mediaType, digest, size: bytes.length };
}

/** The entries of a layout's index.json. */
export function parseIndex(json: unknown, path: string): Descriptor[] {
  const parsed = v.safeParse(v.looseObject({ manifests: v.array(Descriptor) }), json);
  if (parsed.success) return parsed.output.manifests;
  throw new CliError(`${path}: index.json is no index of an OCI layout`, { code: "DAMAGED" });
}
