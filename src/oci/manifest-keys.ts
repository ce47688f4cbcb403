import type { ManifestKind } from "./media-type.ts";

type Entries = Readonly<Record<string, unknown>>;

/**
 * The keys by which readers tell the kinds of manifest apart. A body with the keys of two kinds would be read as both
 * (CVE-2021-41190).
 */
const CONTENTS: Record<ManifestKind, readonly string[]> = {
  image: ["config", "layers"],
  index: ["manifests"],
  artifact: ["blobs"],
};
const NAMES: Record<ManifestKind, string> = {
  image: "an image manifest",
  index: "an index",
  artifact: "an artifact manifest",
};
/** The keys that hold a descriptor or a list of them. */
const DESCRIPTORS = ["config", "layers", "manifests", "blobs", "subject"];
const MANIFEST_KEYS = folded([
  ...DESCRIPTORS,
  "schemaVersion",
  "mediaType",
  "artifactType",
  "annotations",
]);
const DESCRIPTOR_KEYS = folded([
  "mediaType",
  "digest",
  "size",
  "urls",
  "annotations",
  "artifactType",
  "data",
  "platform",
]);

/** @returns what is wrong if the body also has the contents of another kind of manifest, or null */
export function foreignKey(kind: ManifestKind, body: object): string | null {
  const entries = body as Entries;
  const others = Object.values(CONTENTS).flat();
  const key = others.find(
    (other) => !CONTENTS[kind].includes(other) && (entries[other] ?? null) !== null,
  );
  return key === undefined ? null : `${key}: ${NAMES[kind]} has none, and a manifest is one thing`;
}

/**
 * Finds a key that differs from one of the specification's only in case: Go's clients read "Layers" as "layers", other
 * clients do not.
 * @returns what is wrong, or null
 */
export function misspeltKey(body: object): string | null {
  const entries = body as Entries;
  const descriptors = DESCRIPTORS.flatMap((key) => entries[key] ?? []).filter(isObject);
  return (
    misspelt(body, MANIFEST_KEYS) ??
    descriptors.map((one) => misspelt(one, DESCRIPTOR_KEYS)).find((fault) => fault !== null) ??
    null
  );
}

function misspelt(object: object, known: ReadonlyMap<string, string>): string | null {
  for (const key of Object.keys(object)) {
    const right = known.get(fold(key));
    if (right !== undefined && right !== key) return `write "${right}", not "${key}"`;
  }
  return null;
}

function folded(keys: readonly string[]): ReadonlyMap<string, string> {
  return new Map(keys.map((key) => [fold(key), key]));
}

/** Folds case as Go's encoding/json does to compare keys: there U+017F equals "s" and U+212A equals "k". */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
