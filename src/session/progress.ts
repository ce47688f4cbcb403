import type { Algorithm, Digest } from "../oci/digest.ts";
import type { Multipart, UploadedPart } from "../storage/bucket.ts";

/**
 * The bytes of an upload are cut into parts of one size, whatever the requests that bring them: R2 wants all parts but
 * the last equal and of at least 5 MiB, and at most 10,000 of them (developers.cloudflare.com/r2/platform/limits).
 */
export const PART_SIZE = 8 * 1024 * 1024;
const MAX_PART_NUMBER = 10_000;

/**
 * Part numbers that a writer may use past the last committed part. A second writer on the same offset gets the next block,
 * so a writer that everyone believes dead cannot overwrite the parts of the one that took over. 1,000 parts are 8 GiB in one
 * request to an upload that has parts already; Cloudflare lets at most 5 GB of a request through to a Worker.
 */
const PART_BLOCK = 1_000;

/** What is known of the hash over the parts (the tail is hashed when it becomes a part, or at the end). */
export type PartsHash =
  /** The state over all parts, to be continued; null before the first. */
  | { readonly kind: "running"; readonly state: Uint8Array | null }
  /** The digest over parts and tail, as one request brought them; cannot be continued. */
  | { readonly kind: "whole"; readonly digest: Digest }
  /** Unknown: the object has to be read back once. */
  | { readonly kind: "lost" };

const NOTHING_HASHED: PartsHash = { kind: "running", state: null };

/** All that an upload session remembers, but for its parts and its tail, which have tables of their own. */
export interface Progress {
  readonly repository: string;
  /** The algorithm that `hash` runs in. */
  readonly algorithm: Algorithm;
  readonly hash: PartsHash;
  /** Bytes that have arrived and were answered for. */
  readonly offset: number;
  /** Of these, the bytes after the last whole part. */
  readonly tailLength: number;
  readonly multipart: Multipart | null;
  readonly lastPart: number;
  /** The number of the newest writer; only that one may commit. */
  readonly writer: number;
  /** The newest writer whose work is in. */
  readonly committed: number;
  /** Writers that have begun on this offset and neither committed nor let go. */
  readonly writersAtWork: number;
  /** Finishing requests so far: each may have left an object of its own. */
  readonly attempts: number;
  /** The end: the digest that the upload became, or null when it was cancelled; `clean` when no object can be left over. */
  readonly ended: { readonly digest: Digest | null; readonly clean: boolean } | null;
}

/** Where a request says that its bytes belong. */
export type Position =
  /** Wherever the upload stands. */
  | { readonly kind: "next" }
  /** Content-Range: exactly here, and so many. */
  | { readonly kind: "range"; readonly start: number; readonly length: number }
  /** No Content-Range, but a Location that was given out at this offset. */
  | { readonly kind: "location"; readonly offset: number };

/** The right to write on from an offset. */
export interface Lease {
  readonly writer: number;
  readonly offset: number;
  readonly algorithm: Algorithm;
  readonly hash: PartsHash;
  readonly tailLength: number;
  readonly multipart: Multipart | null;
  /** The numbers that the writer may give to its parts. */
  readonly firstPart: number;
  readonly maxPart: number;
  /** For a finishing request: its own number. */
  readonly attempt: number;
}

/** What a writer has achieved since its lease began at `from`. */
export interface Written {
  readonly from: number;
  readonly offset: number;
  readonly hash: PartsHash;
  readonly multipart: Multipart | null;
  readonly parts: readonly UploadedPart[];
  /** The bytes after the last whole part: all of them when there are new parts, else those to be appended. */
  readonly tail: Uint8Array;
}

/** An upload that has begun and has no bytes yet. */
export function begun(repository: string, algorithm: Algorithm): Progress {
  return {
    repository,
    algorithm,
    hash: NOTHING_HASHED,
    offset: 0,
    tailLength: 0,
    multipart: null,
    lastPart: 0,
    writer: 0,
    committed: 0,
    writersAtWork: 0,
    attempts: 0,
    ended: null,
  };
}

/**
 * Grants the next lease, or says null: the bytes do not belong here.
 *
 * A Location at offset 0 may be replayed with the whole content, by a client that lost the answer to its first try: it
 * starts over, so nothing is appended twice. Any other offset that is not the upload's own is out of order.
 */
export function grant(
  progress: Progress,
  position: Position,
  finishing: boolean,
): { readonly lease: Lease; readonly progress: Progress } | null {
  const startsOver = position.kind === "location" && position.offset === 0 && progress.offset > 0;
  if (!startsOver && !continues(progress, position)) return null;
  const writer = progress.writer + 1;
  const attempts = progress.attempts + (finishing ? 1 : 0);
  const next = { ...progress, writer, attempts, writersAtWork: progress.writersAtWork + 1 };
  if (startsOver) {
    const fresh = { ...next, offset: 0, tailLength: 0, multipart: null, hash: NOTHING_HASHED };
    return { progress: next, lease: leaseOf(fresh) };
  }
  const lease = leaseOf(next);
  return lease.firstPart > MAX_PART_NUMBER ? null : { progress: next, lease };
}

function continues({ offset }: Progress, position: Position): boolean {
  if (position.kind === "next") return true;
  return offset === (position.kind === "range" ? position.start : position.offset);
}

function leaseOf(progress: Progress): Lease {
  const { writer, offset, algorithm, hash, tailLength, multipart, lastPart, attempts } = progress;
  const common = { writer, offset, algorithm, hash, tailLength, multipart, attempt: attempts };
  if (multipart === null) return { ...common, firstPart: 1, maxPart: MAX_PART_NUMBER };
  const firstPart = lastPart + 1 + PART_BLOCK * (progress.writersAtWork - 1);
  return { ...common, firstPart, maxPart: Math.min(firstPart + PART_BLOCK - 1, MAX_PART_NUMBER) };
}

/** The session after its newest writer's work. */
export function advance(progress: Progress, written: Written): Progress {
  const { parts, multipart, offset, hash } = written;
  const kept = written.from === 0 ? 0 : progress.lastPart;
  const tailKept = replacesTail(written) ? 0 : progress.tailLength;
  return {
    ...progress,
    offset,
    hash,
    multipart,
    lastPart: parts.at(-1)?.number ?? kept,
    tailLength: tailKept + written.tail.length,
    committed: progress.writer,
    writersAtWork: 0,
  };
}

/** Whether the written tail is the whole tail, not an addition to it. */
export function replacesTail(written: Written): boolean {
  return written.from === 0 || written.parts.length > 0;
}
