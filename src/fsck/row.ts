import type { Digest } from "../oci/digest.ts";

/** What repair compares, as fsck/store.ts reads it. */

/** Where a walk through a table stands: after the row of this repository's id and this name, digest or key. */
export interface Place {
  readonly repository: number;
  readonly name: string;
}

export interface BlobRow {
  readonly digest: Digest;
  readonly key: string;
  readonly size: number;
  /** Known to be missing or damaged. */
  readonly lost: number;
  /** A repository holds or keeps it. */
  readonly held: number;
  readonly doomed: number;
}

export interface ManifestKey {
  readonly repositoryId: number;
  readonly digest: Digest;
  readonly size: number;
}

/** What a reference of a manifest leads to. */
export type Target = "linked" | "kept" | "stored" | "live" | "deleted" | "nothing";

export interface ReferenceRow {
  readonly digest: Digest;
  readonly kind: "blob" | "manifest" | "optional";
  readonly target: Target;
}

export interface ManifestRow extends ManifestKey {
  /** The repository's name, or what it was called before it was deleted. */
  readonly repository: string;
  readonly mediaType: string;
  readonly content: string | null;
  readonly object: string | null;
  readonly subject: Digest | null;
  readonly artifactType: string;
  readonly deleted: number;
  readonly lost: number;
  readonly doomed: number;
  readonly references: readonly ReferenceRow[];
}

export interface TagRow {
  readonly repositoryId: number;
  readonly repository: string;
  readonly name: string;
  readonly digest: Digest;
  readonly target: "live" | "deleted" | "nothing";
}

/** A repository holds a blob, or keeps it. */
export interface HoldRow {
  readonly repositoryId: number;
  readonly repository: string;
  readonly digest: Digest;
  /** The blob has a row. */
  readonly stored: number;
  /** A manifest of the repository names it. */
  readonly named: number;
}

export interface LinkRow extends HoldRow {
  readonly reviewed: number;
  /** It counts in its namespace. */
  readonly weighed: number;
  readonly namespace: string;
}

export interface KeptRow extends HoldRow {
  readonly linked: number;
}

export interface WeightRow {
  readonly namespace: string;
  readonly digest: Digest;
  readonly size: number;
  readonly links: number;
  /** Null where there is no such blob. */
  readonly actualSize: number | null;
  readonly actualLinks: number;
}

export interface UsageRow {
  readonly namespace: string;
  /** Null where the namespace has no row. */
  readonly bytes: number | null;
  readonly repositories: number | null;
  readonly actualBytes: number;
  readonly actualRepositories: number;
  /** What waits for deletion and unfinished uploads. */
  readonly waiting: number | null;
  readonly actualWaiting: number;
  /** With the deleted ones. */
  readonly allRepositories: number | null;
  readonly actualAllRepositories: number;
}

/** Those of some keys that nothing names. */
export interface Unexplained {
  readonly keys: readonly string[];
  /** At that moment there was no repository at all. */
  readonly isEmpty: boolean;
}
