/** The kind of a manifest in one word, derived from its media types and tags. */
import { manifestKind } from "../oci/media-type.ts";

interface Typed {
  readonly mediaType: string;
  /** An image's config type stands here as well (image-spec manifest.md, "Guidelines for Artifact Usage"). */
  readonly artifactType: string | null;
  readonly tags?: readonly string[];
}

export type Kind = "image" | "index" | "chart" | "signature" | "sbom" | "attestation" | "artifact";

const IMAGE_CONFIG =
  /^application\/vnd\.(?:oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/;

/** Part of an artifact type → kind; the first that matches. */
const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/cncf\.helm|helm\.chart/, "chart"],
  [/spdx|cyclonedx|syft|sbom/, "sbom"],
  [/in-toto|slsa|dsse|provenance|attestation/, "attestation"],
  [/cosign|sigstore|notary|signature/, "signature"],
];

/** cosign keeps what belongs to a manifest under tags made of its digest, unless the registry has referrers. */
const COSIGN_TAGS: readonly (readonly [RegExp, Kind])[] = [
  [/^sha256-[0-9a-f]{64}\.sig$/, "signature"],
  [/^sha256-[0-9a-f]{64}\.att$/, "attestation"],
  [/^sha256-[0-9a-f]{64}\.sbom$/, "sbom"],
];

export function kindOf({ mediaType, artifactType, tags = [] }: Typed): Kind {
  for (const [pattern, kind] of COSIGN_TAGS) {
    if (tags.some((tag) => pattern.test(tag))) return kind;
  }
  if (artifactType === null || IMAGE_CONFIG.test(artifactType)) {
    return manifestKind(mediaType) ?? "artifact";
  }
  return KINDS.find(([pattern]) => pattern.test(artifactType))?.[1] ?? "artifact";
}
