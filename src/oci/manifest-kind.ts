import { IMAGE_CONFIG } from "./image-config.ts";
import { manifestKind } from "./media-type.ts";

/** What a manifest is for. */
export const MANIFEST_KINDS = [
  "image",
  "index",
  "chart",
  "signature",
  "sbom",
  "attestation",
  "model",
  "cache",
  "other",
] as const;
export type ManifestPurpose = (typeof MANIFEST_KINDS)[number];

/** What a manifest shows of the image that it belongs to, as the bits of a set. */
export const EVIDENCE = { signed: 1, sbom: 2, provenance: 4 } as const;

export interface Purpose {
  readonly kind: ManifestPurpose;
  /** Bits of EVIDENCE. An index has none of its own: it has what its children have. */
  readonly evidence: number;
}

/** What a manifest or a descriptor says of itself. */
interface Typed {
  readonly mediaType: string;
  readonly annotations?: unknown;
}

interface Described extends Typed {
  /** "" for none. */
  readonly artifactType: string;
  /** The config's media type; "" for none. */
  readonly configType: string;
  /** Its layers or blobs; of an index what it names. */
  readonly parts: readonly Typed[];
}

/** Media type of an artifact, its config or its layers → kind; the first that matches. */
const KINDS: readonly (readonly [RegExp, ManifestPurpose])[] = [
  [/\.buildkit\.cacheconfig\./, "cache"],
  [/\.cncf\.helm\.|helm\.chart/, "chart"],
  [/\.cncf\.model\.|\.docker\.ai\.|\.ollama\.image\.model/, "model"],
  [/spdx|cyclonedx|\.syft\b|\bsbom\b/, "sbom"],
  [/in-toto|slsa|dsse|provenance|attestation/, "attestation"],
  [/cosign|sigstore|notary|signature|simplesigning/, "signature"],
];

/** The layers of images, OCI's and Docker's. */
const IMAGE_LAYER = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;
/** Docker takes some types besides, which registries once gave to configs (github.com/moby/moby/issues/22378). */
const ENGINE_CONFIG = new RegExp(
  `${IMAGE_CONFIG.source}|^application/(?:octet-stream|json)$|^text/html$`,
);

/** A bundle of sigstore's is a signature or an attestation; its annotations say which. */
const BUNDLE = /\.sigstore\.bundle\b/;

/** The annotations that name a statement's predicate: those of sigstore's bundles, BuildKit and cosign. */
const PREDICATES = [
  "dev.sigstore.bundle.predicateType",
  "in-toto.io/predicate-type",
  "predicateType",
];
/** Predicate type → what it shows; the first that matches. */
const STATEMENTS: readonly (readonly [RegExp, ManifestPurpose, number])[] = [
  [/^https:\/\/sigstore\.dev\/cosign\/sign\//, "signature", EVIDENCE.signed],
  [/^https:\/\/(?:spdx\.dev|cyclonedx\.org)\b/, "sbom", EVIDENCE.sbom],
  [/^https:\/\/slsa\.dev\/provenance\//, "attestation", EVIDENCE.provenance],
];
/** What kinds show without a statement. */
const SHOWN: Partial<Record<ManifestPurpose, number>> = {
  signature: EVIDENCE.signed,
  sbom: EVIDENCE.sbom,
};

/** Returns what a manifest is for, by its media types and annotations alone: the same bytes have one kind for ever. */
export function purposeOf(described: Described): Purpose {
  const { mediaType, artifactType, configType, parts } = described;
  const inside = parts.map((part) => part.mediaType);
  const given = artifactType !== "" && !IMAGE_CONFIG.test(artifactType) ? [artifactType] : [];
  if (manifestKind(mediaType) === "index") {
    const isCache = kindOfTypes(inside) === "cache";
    return { kind: isCache ? "cache" : (kindOfTypes(given) ?? "index"), evidence: 0 };
  }
  if (isRunnable(configType, inside)) return { kind: "image", evidence: 0 };
  // BuildKit's attestations and cosign's signatures have an image's config: their layers say what they are.
  const kind = kindOfTypes(given) ?? kindOfTypes([configType]) ?? kindOfTypes(inside);
  if (kind === null) {
    return { kind: IMAGE_CONFIG.test(configType) ? "image" : "other", evidence: 0 };
  }
  const isBundle = [...given, ...inside].some((type) => BUNDLE.test(type));
  if (kind === "attestation" || isBundle) return statementOf(described, isBundle);
  return { kind, evidence: SHOWN[kind] ?? 0 };
}

/**
 * Engines look at the types of config and layers alone, so what has those of an image is one, whatever else it calls itself: else an
 * artifactType would be enough for a pull that the scan policy refuses.
 */
function isRunnable(configType: string, layers: readonly string[]): boolean {
  return ENGINE_CONFIG.test(configType) && layers.some((type) => IMAGE_LAYER.test(type));
}

/** Of an attestation, or of a bundle, which is a signature unless it says what it states. */
function statementOf({ annotations, parts }: Described, isBundle: boolean): Purpose {
  const predicates = [annotations, ...parts.map((part) => part.annotations)].flatMap(predicatesIn);
  if (predicates.length === 0) {
    return isBundle
      ? { kind: "signature", evidence: EVIDENCE.signed }
      : { kind: "attestation", evidence: 0 };
  }
  const known = predicates.map((type) => STATEMENTS.find(([pattern]) => pattern.test(type)));
  const kinds = new Set(known.map((statement) => statement?.[1] ?? "attestation"));
  const [only = "attestation"] = kinds.size === 1 ? kinds : [];
  return { kind: only, evidence: known.reduce((bits, found) => bits | (found?.[2] ?? 0), 0) };
}

function predicatesIn(annotations: unknown): string[] {
  if (typeof annotations !== "object" || annotations === null) return [];
  return PREDICATES.flatMap((name) => {
    const value = (annotations as Record<string, unknown>)[name];
    return typeof value === "string" ? [value] : [];
  });
}

function kindOfTypes(types: readonly string[]): ManifestPurpose | null {
  return KINDS.find(([pattern]) => types.some((type) => pattern.test(type)))?.[1] ?? null;
}
