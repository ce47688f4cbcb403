import type { Initiator } from "../db/audit.ts";
import type { BlobRepairStore } from "./blob-store.ts";
import type { Bucket } from "../db/bucket.ts";
import type { FsckStore } from "./store.ts";
import type { Place } from "./row.ts";
import type { ManifestRepairStore } from "./manifest-store.ts";
import type { Finding } from "./findings.ts";

export interface Stores {
  readonly index: FsckStore;
  readonly blobs: BlobRepairStore;
  readonly manifests: ManifestRepairStore;
  readonly bucket: Bucket;
}

/** Ages in milliseconds. */
export interface FsckAges {
  /** The age below which an unexplained object may belong to an upload in progress, which deletes it itself. */
  readonly orphan: number;
  /** How long the object of a blob without links is kept. */
  readonly trash: number;
}

export interface StepOptions {
  /** Bytes that may be read for hashing. */
  readonly hash: number;
  /** Whether objects beyond that are only checked for existence and size ("metadata"), or left to another step ("stop"). */
  readonly beyond: "metadata" | "stop";
  /** The initiator of repairs; null to change nothing. */
  readonly repair: Initiator | null;
}

/** The most repairs of one step. Each takes a few queries to find and to make, and D1 allows 1,000 for one request. */
export const MAX_REPAIRS = 100;

/** The stores and options of a phase. */
export interface Work extends Stores {
  readonly ages: FsckAges;
  readonly options: StepOptions;
}

/** The result of one page of a phase. */
export interface Checked {
  readonly findings: readonly Finding[];
  /** The cursor of the next page; null at the end of the phase. */
  readonly next: Place | null;
  /** Rows or objects that were checked. */
  readonly checked: number;
  /** Bytes that were hashed. */
  readonly bytes: number;
  /** Objects that were too large to be hashed. */
  readonly unhashed: number;
}

export type Phase = (from: Place, work: Work) => Promise<Checked>;

/** The result of the first rows of a page. */
export interface Found {
  readonly findings: readonly Finding[];
  /** The number of these rows. */
  readonly checked: number;
}

/** Makes the result of a page of rows, without objects. */
export function page<Row>(
  rows: readonly Row[],
  limit: number,
  { findings, checked }: Found,
  placeOf: (row: Row) => Place,
): Checked {
  const last = rows[checked - 1];
  const isEnd = checked === rows.length && rows.length < limit;
  const next = last === undefined || isEnd ? null : placeOf(last);
  return { findings, next, checked, bytes: 0, unhashed: 0 };
}
