import type { Digest } from "../oci/digest.ts";

/** The kinds of references, by their numbers in the database. */
const KINDS = ["optional", "manifest", "blob", "config"] as const;

export type ReferenceRowKind = (typeof KINDS)[number];

export interface NewReference {
  readonly digest: Digest;
  /**
   * `config` (which is a blob), `blob` and `manifest` must be in the repository when the row is written; an `optional`
   * reference need not.
   */
  readonly kind: ReferenceRowKind;
  /** The platform that an index gives for it; null for none. */
  readonly platform: string | null;
}

export function isReferenceKind(text: string): text is ReferenceRowKind {
  return KINDS.includes(text as ReferenceRowKind);
}

export function kindNumber(kind: ReferenceRowKind): number {
  return KINDS.indexOf(kind);
}

/** @throws Error for a number that the schema does not allow */
export function kindOf(number: number): ReferenceRowKind {
  const kind = KINDS[number];
  if (kind === undefined) throw new Error(`a reference of the kind ${number}`);
  return kind;
}

/** SQL over `manifest_references f`. */
export const IS_MANIFEST = `f.kind = ${KINDS.indexOf("manifest")}`;
/** A blob, or the config, which is a blob too. */
export const IS_BLOB = isBlob("f");
export const IS_CONFIG = `f.kind = ${KINDS.indexOf("config")}`;

/** SQL over a row of references: whether it names a blob. */
export function isBlob(row: string): string {
  return `${row}.kind >= ${KINDS.indexOf("blob")}`;
}
