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

/** In milliseconds. */
export interface FsckAges {
  /** Younger objects that nothing explains may be those of an upload at work, which clears them itself. */
  readonly orphan: number;
  /** How long the object stays of a blob that is let go. */
  readonly undo: number;
}

export interface StepOptions {
  /** Bytes that may be read to be hashed. */
  readonly hash: number;
  /** Whether what is beyond that is only looked for, or left to the next step. */
  readonly beyond: "look" | "stop";
  /** Who repairs; null where nothing is to be changed. */
  readonly repair: Initiator | null;
}

/** A repair is a few queries, and so is what finds it out; of these D1 allows 1,000 for one request. */
export const MAX_REPAIRS = 100;

/** What a phase works with. */
export interface Work extends Stores {
  readonly ages: FsckAges;
  readonly options: StepOptions;
}

/** One page of one phase. */
export interface Checked {
  readonly findings: readonly Finding[];
  /** Where the next page goes on; null at the end of the phase. */
  readonly next: Place | null;
  /** Rows or objects that were looked at. */
  readonly checked: number;
  /** Bytes that were hashed. */
  readonly bytes: number;
  /** Objects that were too large to be hashed. */
  readonly unhashed: number;
}

export type Phase = (from: Place, work: Work) => Promise<Checked>;

/** What was found in the first rows of a page. */
export interface Found {
  readonly findings: readonly Finding[];
  /** How many rows these are. */
  readonly checked: number;
}

/** Where a phase that reads no objects has got to. */
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
