import type { Algorithm, Digest } from "../oci/digest.ts";
import type { Multipart, UploadedPart } from "../db/bucket.ts";
import { uploadKey } from "../db/keys.ts";

/**
 * The bytes of an upload are cut into parts of one size, whatever the requests that bring them: R2 wants all parts but
 * the last equal and of at least 5 MiB, and at most 10,000 of them (developers.cloudflare.com/r2/platform/limits).
 */
export const PART_SIZE = 8 * 1024 * 1024;
export const MAX_PART_NUMBER = 10_000;

/**
 * Part numbers that a writer may use when it does not know how much it brings: 8 GiB, and Cloudflare lets at most 5 GB of
 * a request through to a Worker. Nobody else gets a number that a writer may still use, so one that everyone believes
 * dead cannot overwrite the parts of the one that took over.
 */
const PART_BLOCK = 1_000;

/** Keys that one upload may leave objects under: as many as R2 deletes in one call. */
const MAX_OBJECTS = 1_000;

/** Far more writers than ever are at work on one upload at once; dead ones stay until the upload ends. */
const MAX_AT_WORK = 1_000;

/** The hash over the parts; the tail is hashed when it becomes a part, or at the end. */
export type PartsHash =
  /** The state over all parts, to be continued; null before the first. */
  | { readonly kind: "running"; readonly state: Uint8Array | null }
  /**
   * The digest over everything, as one request brought it. It cannot be continued, so that request's last bytes are a
   * part as well, shorter than the others; should more bytes follow, everything is read back and cut anew.
   */
  | { readonly kind: "whole"; readonly digest: Digest };

/**
 * An upload's bytes are read back at most so often: each algorithm once, since what was found is kept, and what requests begin
 * that die before they tell. Only what is about to be read counts: a finish that needs no bytes may be repeated at will.
 */
const MAX_READ_BACKS = 32;

const NOTHING_HASHED: PartsHash = { kind: "running", state: null };

/** What a writer found of the object that it had completed: it never changes. */
export interface KnownObject {
  readonly key: string;
  readonly size: number;
  /** One an algorithm, of those that have been verified. */
  readonly digests: readonly Digest[];
}

/** More than the clocks of two machines ever differ, and less than an upload stands still before it expires. */
export const CLOCK_SKEW = 600_000;

/** All that an upload session remembers, but for its parts and its tail, which have tables of their own. */
export interface Progress {
  readonly upload: string;
  readonly repository: string;
  /** Who uploads; "" for nobody. */
  readonly actor: string;
  /** Bytes that the index counts as unfinished; null for none. */
  readonly counted: number | null;
  /** As its id says it. */
  readonly deadline: number;
  /** The algorithm that `hash` runs in. */
  readonly algorithm: Algorithm;
  readonly hash: PartsHash;
  /** Bytes that have arrived and were answered for. */
  readonly offset: number;
  /** Of these, the bytes after the last part. */
  readonly tailLength: number;
  readonly multipart: Multipart | null;
  readonly lastPart: number;
  /** The number of the newest writer; only that one may commit. */
  readonly writer: number;
  /** The newest writer whose work is in, or never comes in. */
  readonly committed: number;
  /** Writers that have begun and neither committed nor let go, and the last part that each may write. */
  readonly activeWriters: readonly { readonly writer: number; readonly maxPart: number }[];
  /** Finishing requests that have begun. */
  readonly finishes: number;
  /** Keys under which a writer may have left an object. */
  readonly objects: readonly string[];
  /** Requests that were about to read the bytes back. */
  readonly readBacks?: number;
  readonly object?: KnownObject;
  /** The end: the digest that the upload became, or null when it was cancelled. */
  readonly ended: { readonly digest: Digest | null; readonly key: string | null } | null;
}

/** What an upload's id says of it. The session begins with this, and remembers it. */
export interface UploadClaims {
  readonly repository: string;
  readonly actor: string;
  readonly algorithm: Algorithm;
  /**
   * Until when the session may begin, in milliseconds since 1970. It is cleared later than that, whatever its clock says: so
   * an upload that has ended, been cancelled or expired never begins again with the same id.
   */
  readonly deadline: number;
}

/** Where a request says that its bytes belong. */
export type Position =
  /** Wherever the upload stands. */
  | { readonly kind: "next" }
  /** Content-Range: exactly here, and so many. */
  | { readonly kind: "range"; readonly start: number; readonly length: number }
  /** No Content-Range, but a Location that was given out at this offset. */
  | { readonly kind: "location"; readonly offset: number };

/** What a request is about to do. */
export interface Intent {
  readonly position: Position;
  /** Content-Length, or null when the client does not know it. */
  readonly length: number | null;
  /** The digest to finish with, or null for a chunk. */
  readonly finish: Digest | null;
}

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
  /** The writer's own key, for an object that it begins, and whose that is. */
  readonly key: string;
  readonly repository: string;
  /** The bytes so far, where they have to be read back: the writer commits them anew, and begins once more with its own. */
  readonly stored: { readonly multipart: Multipart; readonly size: number } | null;
}

/** What a writer has achieved since its lease began at `from`. */
export interface ChunkResult {
  readonly from: number;
  readonly offset: number;
  readonly hash: PartsHash;
  readonly multipart: Multipart | null;
  readonly parts: readonly UploadedPart[];
  /** The last bytes: all after the last part, or only those that came now. */
  readonly tail: Uint8Array;
}

/** An upload that has begun and has no bytes yet. */
export function newUpload(
  upload: string,
  { repository, actor, algorithm, deadline }: UploadClaims,
): Progress {
  return {
    upload,
    repository,
    actor,
    counted: null,
    deadline,
    algorithm,
    hash: NOTHING_HASHED,
    offset: 0,
    tailLength: 0,
    multipart: null,
    lastPart: 0,
    writer: 0,
    committed: 0,
    activeWriters: [],
    finishes: 0,
    objects: [],
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
  { position, length, finish }: Intent,
): { readonly lease: Lease; readonly progress: Progress } | null {
  const startsOver = position.kind === "location" && position.offset === 0 && progress.offset > 0;
  if (!startsOver && !continues(progress, position)) return null;
  const { multipart, offset, hash } = progress;
  const cutsAnew = !startsOver && hash.kind === "whole" && length !== 0;
  const next = { ...progress, writer: progress.writer + 1 };
  const fresh = { ...next, offset: 0, tailLength: 0, multipart: null, hash: NOTHING_HASHED };
  const stored = cutsAnew && multipart !== null ? { multipart, size: offset } : null;
  const lease = { ...leaseOf(startsOver || cutsAnew ? fresh : next, length), stored };
  const { writer, maxPart } = lease;
  // A lease that begins a multipart upload of its own shares its part numbers with nobody.
  const activeWriters =
    lease.multipart === null ? next.activeWriters : [...next.activeWriters, { writer, maxPart }];
  const objects = new Set(next.objects);
  const ends = finish !== null && stored === null;
  if (stored !== null) objects.add(stored.multipart.key);
  if (ends) objects.add(lease.multipart?.key ?? lease.key);
  if (objects.size > MAX_OBJECTS || activeWriters.length > MAX_AT_WORK) return null;
  const finishes = next.finishes + (ends ? 1 : 0);
  const granted = { ...next, activeWriters, finishes, objects: [...objects] };
  return { progress: granted, lease };
}

/** Counts a read-back of the object, or says null: there were as many as may be, and the client begins a new upload. */
export function readBack(progress: Progress, object: KnownObject): Progress | null {
  const { readBacks = 0 } = progress;
  if (readBacks >= MAX_READ_BACKS) return null;
  return { ...learn(progress, object), readBacks: readBacks + 1 };
}

/** Keeps what was found of the object that the upload's parts make; of another one, it is of no use. */
export function learn(progress: Progress, object: KnownObject): Progress {
  if (object.key !== progress.multipart?.key) return progress;
  const before = progress.object?.key === object.key ? progress.object.digests : [];
  const digests = [...new Set([...before, ...object.digests])];
  return { ...progress, object: { ...object, digests } };
}

/** What is known of the object that the lease's parts make: a writer that starts over makes another. */
export function knownObject(
  { object }: Progress,
  { multipart, stored }: Lease,
): KnownObject | null {
  const { key } = stored?.multipart ?? multipart ?? {};
  return object !== undefined && object.key === key ? object : null;
}

function continues({ offset }: Progress, position: Position): boolean {
  if (position.kind === "next") return true;
  return offset === (position.kind === "range" ? position.start : position.offset);
}

function leaseOf(progress: Progress, length: number | null): Omit<Lease, "stored"> {
  const { upload, repository, writer, offset, algorithm, hash, tailLength, multipart } = progress;
  const key = uploadKey(upload, writer);
  const common = { writer, offset, algorithm, hash, tailLength, multipart, key, repository };
  if (multipart === null) return { ...common, firstPart: 1, maxPart: MAX_PART_NUMBER };
  const taken = Math.max(
    progress.lastPart,
    ...progress.activeWriters.map(({ maxPart }) => maxPart),
  );
  const parts = length === null ? PART_BLOCK : Math.ceil((tailLength + length) / PART_SIZE);
  return { ...common, firstPart: taken + 1, maxPart: Math.min(taken + parts, MAX_PART_NUMBER) };
}

/** What the index is to count of the upload; null for nothing. */
export function toBeCounted({ ended, offset }: Progress): number | null {
  return ended !== null || offset === 0 ? null : offset;
}

/** Whether a tail can become a part with so many more bytes, or may do so. */
export function mayFillPart(tailLength: number, length: number | null): boolean {
  return length === null || tailLength + length >= PART_SIZE;
}

/** The session after its newest writer's work. */
export function advance(progress: Progress, written: ChunkResult): Progress {
  const { from, offset, hash, multipart, parts, tail } = written;
  return {
    ...progress,
    offset,
    hash,
    multipart,
    lastPart: parts.at(-1)?.number ?? (from === 0 ? 0 : progress.lastPart),
    tailLength: replacesTail(written) ? tail.length : progress.tailLength + offset - from,
    committed: progress.writer,
    activeWriters: activeWritersWithout(progress, progress.writer),
  };
}

/** The writers at work once one has come to an end. */
export function activeWritersWithout(
  { activeWriters }: Progress,
  writer: number,
): Progress["activeWriters"] {
  return activeWriters.filter((other) => other.writer !== writer);
}

/** Whether nothing of the tail before stays a tail. */
export function replacesTail({ from, parts }: ChunkResult): boolean {
  return from === 0 || parts.length > 0;
}
