import * as v from "valibot";
import { type Digest, isDigest } from "./digest.ts";
import { RegistryError } from "./errors.ts";
import { ambiguityOf, shapeOf } from "./json.ts";
import { foreignKey, misspeltKey } from "./manifest-keys.ts";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  isNonDistributable,
  manifestKind,
  OCI_INDEX,
  OCI_MANIFEST,
  type ManifestKind,
} from "./media-type.ts";
import { type Purpose, purposeOf } from "./manifest-kind.ts";
import { platformOf } from "./platform.ts";

/**
 * The deepest JSON that is accepted, deeper than any client writes: no reader of the manifest has to recurse further.
 */
const MAX_DEPTH = 100;
/**
 * The most JSON values of a manifest. A small value takes many times its bytes once it is parsed: without this bound, 4
 * MiB of them would take a large part of the isolate's memory.
 */
const MAX_VALUES = 300_000;
/** The most references of one manifest, far more than any image has. It bounds the rows that one push writes. */
export const MAX_REFERENCES = 10_000;

/**
 * RFC 6838 § 4.2 allows 127 characters on each side of the slash. Without a bound, a type might not fit into its row in
 * the database.
 */
const MediaType = v.pipe(v.string(), v.maxLength(255));

/**
 * What a manifest says of content that is stored elsewhere (image-spec descriptor.md). Here and below, null means the
 * same as a missing field: Go writes an empty list or map as null.
 */
const Descriptor = v.object({
  mediaType: v.nullish(MediaType, ""),
  digest: v.pipe(
    v.string(),
    v.check(isDigest, "not a sha256 or sha512 digest"),
    v.transform((text) => text as Digest),
  ),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  urls: v.nullish(v.array(v.string()), []),
  platform: v.optional(v.unknown()),
  annotations: v.optional(v.unknown()),
});
type Descriptor = v.InferOutput<typeof Descriptor>;

const common = {
  mediaType: v.nullish(MediaType),
  artifactType: v.nullish(MediaType, ""),
  subject: v.nullish(Descriptor),
  // v.record would accept a list, and skip keys such as "constructor". Clients refuse a whole list of referrers because
  // of one such annotation.
  annotations: v.nullish(
    v.custom<Record<string, string>>(isStringMap, "must map strings to strings"),
  ),
};
const descriptors = v.array(Descriptor);
const version2 = v.literal(2, "must be 2");

const SCHEMAS = {
  image: v.object({
    ...common,
    schemaVersion: version2,
    config: Descriptor,
    layers: v.nullable(descriptors, []),
  }),
  index: v.object({ ...common, schemaVersion: version2, manifests: v.nullable(descriptors, []) }),
  artifact: v.object({ ...common, blobs: v.nullish(descriptors, []) }),
} satisfies Record<ManifestKind, v.GenericSchema>;

/**
 * What a reference needs of the repository: a `config` and a `layer` are blobs there, a `child` is a manifest there (or
 * a blob: BuildKit's older caches list layers in an index), and a `foreign` layer may be stored elsewhere.
 */
export type ReferenceKind = "config" | "layer" | "child" | "foreign";

export interface ManifestReference {
  readonly digest: Digest;
  readonly size: number;
  readonly kind: ReferenceKind;
  /** The platform that an index gives for a child, such as "linux/arm64/v8"; null for none. */
  readonly platform: string | null;
}

export interface Manifest {
  readonly mediaType: string;
  /** The bytes as text. No byte is lost: a manifest is JSON and therefore UTF-8 (RFC 8259 § 8.1). */
  readonly text: string;
  readonly references: readonly ManifestReference[];
  readonly subject: Digest | null;
  /** The type that the referrers list shows; "" if there is none. */
  readonly artifactType: string;
  readonly purpose: Purpose;
}

/**
 * Parses a manifest that is pushed, and refuses one that two readers could understand differently.
 * @param contentType the request's Content-Type, or null
 * @throws MANIFEST_INVALID with the reason and the place in the manifest
 */
export function parseManifest(bytes: Uint8Array, contentType: string | null): Manifest {
  const { depth, values, members } = shapeOf(bytes);
  if (depth > MAX_DEPTH) throw invalid(`JSON nested deeper than ${MAX_DEPTH} levels`);
  if (values > MAX_VALUES) throw invalid(`more than ${MAX_VALUES} JSON values`);
  const text = decode(bytes);
  const json = parseJson(text);
  const { kind, manifest } = interpret(text, json, contentType);
  const fault = ambiguityOf(json, members) ?? misspeltKey(json) ?? foreignKey(kind, json);
  if (fault !== null) throw invalid(fault);
  return manifest;
}

/**
 * Parses a manifest that is stored. Earlier versions accepted some that `parseManifest` refuses.
 * @throws MANIFEST_INVALID
 */
export function readManifest(bytes: Uint8Array, mediaType: string): Manifest {
  const text = decode(bytes);
  return interpret(text, parseJson(text), mediaType).manifest;
}

function interpret(
  text: string,
  json: object,
  contentType: string | null,
): { readonly kind: ManifestKind; readonly manifest: Manifest } {
  const mediaType = mediaTypeOf(json, contentType);
  const kind = manifestKind(mediaType);
  if (kind === undefined) {
    throw invalid(
      `unsupported manifest type ${mediaType.slice(0, 200)}: push an OCI or Docker schema 2 image manifest or index`,
    );
  }
  const body = validate(kind, json);
  const references = referencesOf(body);
  if (references.length > MAX_REFERENCES) {
    throw invalid(`${references.length} references; at most ${MAX_REFERENCES} are allowed`);
  }
  const subject = body.subject?.digest ?? null;
  // The database stores UTF-8, which cannot hold half of a surrogate pair: this is the value that it will return.
  const artifactType = artifactTypeOf(body).toWellFormed();
  const purpose = purposeOf({
    mediaType,
    annotations: body.annotations,
    artifactType,
    configType: body.config?.mediaType ?? "",
    parts: partsOf(body),
  });
  return { kind, manifest: { mediaType, text, references, subject, artifactType, purpose } };
}

/** Returns the annotations of a stored manifest, which the referrers list repeats. */
export function annotationsOf(text: string): Record<string, string> | undefined {
  return (
    (JSON.parse(text) as { annotations?: Record<string, string> | null }).annotations ?? undefined
  );
}

/** Returns the digest of a stored manifest's config; null if it has none. */
export function configOf(text: string): Digest | null {
  return (JSON.parse(text) as { config?: { digest: Digest } | null }).config?.digest ?? null;
}

/** Returns the digests of the manifests that a stored index names. */
export function childrenOf(text: string): Digest[] {
  const { manifests } = JSON.parse(text) as { manifests?: readonly { digest: Digest }[] | null };
  return manifests?.map(({ digest }) => digest) ?? [];
}

/** The fields of a manifest of any kind that are used below. */
interface Body {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly blobs?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor | null | undefined;
  readonly artifactType: string;
  readonly annotations?: unknown;
}

function partsOf({ layers = [], blobs = [], manifests = [] }: Body): Descriptor[] {
  return [...layers, ...blobs, ...manifests];
}

function validate(kind: ManifestKind, json: object): Body {
  const result = v.safeParse(SCHEMAS[kind], json, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw invalid(
    `${v.getDotPath(issue)?.slice(0, 200) ?? "manifest"}: ${issue.message.slice(0, 200)}`,
  );
}

function referencesOf({ config, layers = [], blobs = [], manifests = [] }: Body) {
  return [
    ...(config === undefined ? [] : [reference(config, "config")]),
    ...[...layers, ...blobs].map(layer),
    ...manifests.map((child) => reference(child, "child")),
  ];
}

function layer(descriptor: Descriptor): ManifestReference {
  const foreign = isNonDistributable(descriptor.mediaType) || descriptor.urls.length > 0;
  return reference(descriptor, foreign ? "foreign" : "layer");
}

function reference({ digest, size, platform }: Descriptor, kind: ReferenceKind): ManifestReference {
  return { digest, size, kind, platform: kind === "child" ? platformOf(platform) : null };
}

/**
 * Returns the artifact type of spec.md "Listing Referrers": an image without an artifactType has its config's media
 * type, an index without one has none.
 */
function artifactTypeOf(body: Body): string {
  return body.artifactType || (body.config?.mediaType ?? "");
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid("not UTF-8", cause);
  }
}

function parseJson(text: string): object {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(`not JSON: ${(cause as Error).message.slice(0, 200)}`, cause);
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  throw invalid("not a JSON object");
}

function isStringMap(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((entry) => typeof entry === "string");
}

/**
 * Returns the media type from Content-Type and the body's own mediaType. Either may be missing, but they must not
 * contradict each other (image-spec manifest.md).
 */
function mediaTypeOf(json: object, contentType: string | null): string {
  const header = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  const declared =
    "mediaType" in json && typeof json.mediaType === "string" ? json.mediaType.toLowerCase() : "";
  const generic = ["", "application/json", "application/octet-stream", "text/plain"];
  if (generic.includes(header)) {
    return declared === "" ? sniff(json) : declared;
  }
  if (declared !== "" && declared !== header) {
    throw invalid(
      `mediaType is ${declared.slice(0, 200)} but Content-Type is ${header.slice(0, 200)}`,
    );
  }
  return header;
}

function sniff(json: object): string {
  if ("manifests" in json) return OCI_INDEX;
  if ("layers" in json && "config" in json) return OCI_MANIFEST;
  throw invalid(
    `no media type: send Content-Type, for example ${OCI_MANIFEST}, ${OCI_INDEX}, ${DOCKER_MANIFEST} or ${DOCKER_LIST}`,
  );
}

function invalid(reason: string, cause?: unknown): RegistryError {
  return new RegistryError("MANIFEST_INVALID", { message: `manifest invalid: ${reason}`, cause });
}
