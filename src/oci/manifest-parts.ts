import type { Digest } from "./digest.ts";
import { stringMap } from "./image-config.ts";
import { platformOf } from "./platform.ts";

/** What a manifest names. */
export interface Part {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** "linux/arm64/v8"; null for none. */
  readonly platform: string | null;
}

export interface Parts {
  readonly annotations: Readonly<Record<string, string>>;
  /** null for an index. */
  readonly config: Part | null;
  /** Layers, or the blobs of an artifact. */
  readonly layers: readonly Part[];
  /** What an index names. */
  readonly manifests: readonly Part[];
}

interface Json {
  readonly digest: Digest;
  readonly mediaType?: string | null;
  readonly size: number;
  readonly annotations?: unknown;
  readonly platform?: unknown;
}

interface Body {
  readonly annotations?: unknown;
  readonly config?: Json | null;
  readonly layers?: readonly Json[] | null;
  readonly blobs?: readonly Json[] | null;
  readonly manifests?: readonly Json[] | null;
}

/** BuildKit lists an image's attestations beside the image, with these annotations. */
const REFERENCE_TYPE = "vnd.docker.reference.type";
const REFERENCE = "vnd.docker.reference.digest";

/** Reads what a stored manifest names, which was checked when it was pushed. */
export function partsOf(text: string): Parts {
  const { annotations, config, layers, blobs, manifests } = JSON.parse(text) as Body;
  return {
    annotations: stringMap(annotations),
    config: config ? part(config) : null,
    layers: [...(layers ?? []), ...(blobs ?? [])].map(part),
    manifests: (manifests ?? []).map(part),
  };
}

/** Returns the digest of the image that an entry of an index is BuildKit's attestation of; null if it is none. */
export function attestedBy({ annotations }: Part): string | null {
  return annotations[REFERENCE_TYPE] === "attestation-manifest"
    ? (annotations[REFERENCE] ?? null)
    : null;
}

function part({ digest, mediaType, size, annotations, platform }: Json): Part {
  return {
    digest,
    mediaType: mediaType ?? "",
    size,
    annotations: stringMap(annotations),
    platform: platformOf(platform),
  };
}
