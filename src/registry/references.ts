import type { Settings } from "../settings.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Manifest, ManifestReference } from "../oci/manifest.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";
import { letOthersIn } from "../db/clock.ts";
import type { ManifestStore, Resolution } from "../db/manifests.ts";
import type { NewReference } from "../db/manifest-references.ts";

/** The most digests that one query looks up, so that other requests' queries do not wait long for it. */
const RESOLVED = 1_000;

interface Pusher {
  readonly repository: RepositoryName;
  /** The repositories from which blobs may be mounted that the repository does not hold yet. */
  readonly sources: Sources;
}

export interface Resolved {
  readonly references: readonly NewReference[];
  /** Blobs to mount into the repository. */
  readonly adopt: readonly Digest[];
  /** What the manifests that it names show together, as bits (oci/manifest-kind.ts). */
  readonly evidence: number;
}

/**
 * Resolves a manifest's references in a repository: each becomes a blob, a manifest, or an optional reference.
 * @throws MANIFEST_BLOB_UNKNOWN, MANIFEST_INVALID
 */
export async function resolveReferences(
  index: ManifestStore,
  { repository, sources }: Pusher,
  { references }: Manifest,
  settings: Pick<Settings, "allowSparse" | "maxOptionalReferences">,
): Promise<Resolved> {
  if (references.length === 0) return { references: [], adopt: [], evidence: 0 };
  const digests = [...new Set(references.map(({ digest }) => digest))];
  const known = new Map<Digest, Resolution>();
  for (let i = 0; i < digests.length; i += RESOLVED) {
    const some = digests.slice(i, i + RESOLVED);
    for (const found of await index.resolve(repository, some, sources)) known.set(...found);

    if (digests.length > RESOLVED) await letOthersIn();
  }
  const resolved = references.map((reference) =>
    resolveReference(reference, known.get(reference.digest), settings.allowSparse),
  );
  const missing = resolved.flatMap((result) => ("missing" in result ? result.missing : []));
  if (missing.length > 0) {
    throw new RegistryError("MANIFEST_BLOB_UNKNOWN", {
      detail: missing.slice(0, 100).map((digest) => ({ digest })),
    });
  }
  const rows = resolved.flatMap((result) => ("missing" in result ? [] : result));
  requireFewOptional(rows, settings.maxOptionalReferences);
  const adopt = rows.filter(
    ({ kind, digest }) => (kind === "blob" || kind === "config") && !known.get(digest)?.linked,
  );
  const children = rows.filter(({ kind }) => kind === "manifest");
  const evidence = children.reduce(
    (bits, { digest }) => bits | (known.get(digest)?.evidence ?? 0),
    0,
  );
  return { references: rows, adopt: adopt.map(({ digest }) => digest), evidence };
}

/** What need not be there costs its pusher nothing to name, so it is bounded. @throws MANIFEST_INVALID */
function requireFewOptional(references: readonly NewReference[], most: number): void {
  const optional = references.filter(({ kind }) => kind === "optional").length;
  if (optional <= most) return;
  throw new RegistryError("MANIFEST_INVALID", {
    message: `manifest invalid: it names ${optional} layers or manifests that are not in this repository; at most ${most} are allowed (MAX_OPTIONAL_REFERENCES): push them first`,
    detail: { optional, limit: most },
  });
}

/**
 * Resolves one reference in this repository.
 * @throws MANIFEST_INVALID when the descriptor's size is not the content's
 */
function resolveReference(
  { digest, size, kind, platform }: ManifestReference,
  known: Resolution | undefined,
  allowSparse: boolean,
): NewReference | { readonly missing: Digest } {
  const asManifest = kind === "child" ? (known?.manifestSize ?? null) : null;
  const actual = asManifest ?? known?.blobSize ?? null;
  if (actual === null) {
    const mayBeMissing = kind === "foreign" || (allowSparse && kind !== "config");
    return mayBeMissing ? { digest, kind: "optional", platform } : { missing: digest };
  }
  if (actual !== size) {
    throw new RegistryError("MANIFEST_INVALID", {
      message: `manifest invalid: the descriptor of ${digest} says ${size} bytes, but the content has ${actual}; push the image with a tool that writes its manifest anew`,
      detail: { digest, size, actual },
    });
  }
  if (asManifest !== null) return { digest, kind: "manifest", platform };
  return { digest, kind: kind === "config" ? "config" : "blob", platform };
}
