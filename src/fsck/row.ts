import type { ReferenceRowKind } from "../db/manifest-references.ts";
import type { Digest } from "../oci/digest.ts";

/** The rows that fsck compares, as fsck/store.ts reads them. */

/** A cursor in a table: after the row of this repository's id and this name, digest, key or digest's id. */
export interface Place {
  readonly repository: number;
  readonly name: string;
}

/** A row that has an id instead of its digest. */
interface ByDigest {
  readonly digestId: number;
  readonly digest: Digest;
}

export interface BlobRow extends ByDigest {
  readonly key: string;
  readonly size: number;
  /** Whether it is marked as missing or damaged. */
  readonly lost: number;
  /** Whether a repository links it, or keeps it as a trashed blob. */
  readonly inUse: number;
  readonly scheduled: number;
}

export interface ManifestKey {
  readonly repositoryId: number;
  readonly digest: Digest;
  readonly size: number;
}

/** The target of a manifest's reference. */
export type Target = "linked" | "trashed" | "stored" | "live" | "deleted" | "nothing";

export interface ReferenceRow {
  readonly digest: Digest;
  readonly kind: ReferenceRowKind;
  readonly target: Target;
}

export interface ManifestRow extends ManifestKey {
  /** The repository's name, or its former name if it was deleted. */
  readonly repository: string;
  readonly mediaType: string;
  /** As it is stored (db/manifest-text.ts); "" if the manifest is in the bucket. */
  readonly content: string;
  readonly object: string | null;
  readonly subject: Digest | null;
  readonly artifactType: string;
  readonly deleted: number;
  readonly lost: number;
  readonly scheduled: number;
  readonly references: readonly ReferenceRow[];
}

export interface TagRow {
  readonly repositoryId: number;
  readonly repository: string;
  readonly name: string;
  readonly digest: Digest;
  readonly target: "live" | "deleted" | "nothing";
}

/** A repository's link to a blob, or a trashed blob. */
export interface HoldRow extends ByDigest {
  readonly repositoryId: number;
  readonly repository: string;
  /** Whether the blob has a row. */
  readonly stored: number;
  /** Whether a manifest of the repository names it. */
  readonly named: number;
}

export interface LinkRow extends HoldRow {
  readonly listed: number;
  /** Whether it counts in its namespace. */
  readonly counted: number;
  readonly namespace: string;
}

export interface TrashedRow extends HoldRow {
  readonly linked: number;
}

export interface CountRow extends ByDigest {
  readonly namespace: string;
  readonly size: number;
  readonly links: number;
  /** null when the blob does not exist. */
  readonly actualSize: number | null;
  readonly actualLinks: number;
}

export interface UsageRow {
  readonly namespace: string;
  /** null when the namespace has no row. */
  readonly bytes: number | null;
  readonly repositories: number | null;
  readonly actualBytes: number;
  readonly actualRepositories: number;
  /** Bytes that wait for deletion, and of unfinished uploads. */
  readonly waiting: number | null;
  readonly actualWaiting: number;
  /** The number of repositories including deleted ones. */
  readonly allRepositories: number | null;
  readonly actualAllRepositories: number;
}

/** The keys that no row names. */
export interface Unexplained {
  readonly keys: readonly string[];
  /** Whether there was no repository at all at that moment. */
  readonly isEmpty: boolean;
}
