import type { Algorithm, Digest } from "../oci/digest.ts";
import type { Multipart, UploadedPart } from "../db/bucket.ts";
import { uploadKey } from "../db/keys.ts";

/**
 * The size of a part, in bytes. An upload is cut into parts of one size, however its requests divide it: R2 requires
 * that all parts but the last are equal and have at least 5 MiB, and allows at most 10,000 of them
 * (developers.cloudflare.com/r2/platform/limits).
 */
export const PART_SIZE = 8 * 1024 * 1024;
export const MAX_PART_NUMBER = 10_000;

/**
 * Part numbers that are reserved for a writer that does not know the length of its body: 8 GiB, while Cloudflare lets
 * at most 5 GB of a request through to a Worker. A number that one writer may still use is given to no other, so a
 * writer that is believed dead cannot overwrite the parts of the writer that took over.
 */
const PART_BLOCK = 1_000;

/** The most keys under which one upload may leave objects: as many as R2 deletes in one call. */
const MAX_OBJECTS = 1_000;

/**
 * The most active writers of one upload, far more than ever write at once. Dead writers count until the upload ends.
 */
const MAX_ACTIVE_WRITERS = 1_000;

/** The hash over the parts. The tail is hashed when it becomes a part, or at the end. */
export type PartsHash =
  /** The state over all parts, which can be continued; null before the first part. */
  | { readonly kind: "running"; readonly state: Uint8Array | null }
  /**
   * The digest over all bytes, computed natively while one request brought them. It cannot be continued, so the last
   * bytes of that request are a part as well, shorter than the others. If more bytes follow, everything is read back
   * and cut into parts anew.
   */
  | { readonly kind: "whole"; readonly digest: Digest };

/**
 * The most times that an upload's bytes are read back. Each algorithm needs one time, since the digest is kept; the
 * rest is for requests that die before they report it. A finish that needs no bytes does not count and may be repeated
 * at will.
 */
const MAX_READ_BACKS = 32;

const NOTHING_HASHED: PartsHash = { kind: "running", state: null };

/** What a writer found out about the object that it completed; an object never changes. */
export interface KnownObject {
  readonly key: string;
  readonly size: number;
  /** The digests that were verified, one for each algorithm. */
  readonly digests: readonly Digest[];
}

/**
 * More milliseconds than the clocks of two machines ever differ by, and fewer than an upload may be idle before it
 * expires.
 */
export const CLOCK_SKEW = 600_000;

/** The state of an upload session. Its parts and its tail have tables of their own. */
export interface Progress {
  readonly upload: string;
  readonly repository: string;
  /** The name of the actor who uploads; "" for an anonymous one. */
  readonly actor: string;
  /** The bytes that the database counts as unfinished; null if it counts none. */
  readonly counted: number | null;
  /** The deadline that the upload's id contains. */
  readonly deadline: number;
  /** The algorithm that `hash` runs in. */
  readonly algorithm: Algorithm;
  readonly hash: PartsHash;
  /** Bytes that have arrived and whose requests were answered. */
  readonly offset: number;
  /** How many of these bytes come after the last part. */
  readonly tailLength: number;
  readonly multipart: Multipart | null;
  readonly lastPart: number;
  /** The number of the newest writer. Only that one may commit. */
  readonly writer: number;
  /** The newest writer whose work is committed, or can never be committed. */
  readonly committed: number;
  /** Writers that have begun and neither committed nor let go, and the last part that each may write. */
  readonly activeWriters: readonly { readonly writer: number; readonly maxPart: number }[];
  /** Finishing requests that have begun. */
  readonly finishes: number;
  /** Keys under which a writer may have left an object. */
  readonly objects: readonly string[];
  /** How many requests have announced that they read the bytes back. */
  readonly readBacks?: number;
  readonly object?: KnownObject;
  /**
   * How the upload ended: the digest that it became, or null when it was cancelled or has expired. null while it goes
   * on.
   */
  readonly ended: { readonly digest: Digest | null; readonly key: string | null } | null;
}

/** What an upload's id says of it. The session begins with this, and remembers it. */
export interface UploadClaims {
  readonly repository: string;
  readonly actor: string;
  readonly algorithm: Algorithm;
  /**
   * The time until which the session may begin, in milliseconds since 1970. The session's state is deleted later than
   * that by any machine's clock, so an upload that has ended, been cancelled or expired never begins again with the
   * same id.
   */
  readonly deadline: number;
}

/** The place in the upload that a request gives for its bytes. */
export type Position =
  /** After the bytes that have arrived, wherever that is. */
  | { readonly kind: "next" }
  /** Content-Range: exactly at `start`, and exactly `length` bytes. */
  | { readonly kind: "range"; readonly start: number; readonly length: number }
  /** No Content-Range, but the Location that was given out at this offset. */
  | { readonly kind: "location"; readonly offset: number };

/** What a request is about to do. */
export interface Intent {
  readonly position: Position;
  /** Content-Length, or null when the client does not know it. */
  readonly length: number | null;
  /** The digest to finish with, or null for a chunk. */
  readonly finish: Digest | null;
}

/** The right to write from an offset on. */
export interface Lease {
  readonly writer: number;
  readonly offset: number;
  readonly algorithm: Algorithm;
  readonly hash: PartsHash;
  readonly tailLength: number;
  readonly multipart: Multipart | null;
  /** The first and last number that the writer may give to a part. */
  readonly firstPart: number;
  readonly maxPart: number;
  /** The key of an object that the writer itself begins, and the repository that the object is for. */
  readonly key: string;
  readonly repository: string;
  /**
   * The stored bytes, if they have to be read back first: the writer commits them in new parts, and then begins once
   * more with its own bytes. null otherwise.
   */
  readonly stored: { readonly multipart: Multipart; readonly size: number } | null;
}

/** What a writer has achieved since its lease began at `from`. */
export interface ChunkResult {
  readonly from: number;
  readonly offset: number;
  readonly hash: PartsHash;
  readonly multipart: Multipart | null;
  readonly parts: readonly UploadedPart[];
  /** The last bytes: all after the last part, or only those of this request. */
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
 * Grants the next lease, or returns null if the bytes do not belong at this offset.
 *
 * A client that lost the answer to its first try may send the whole content again to a Location of offset 0: that
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
  if (objects.size > MAX_OBJECTS || activeWriters.length > MAX_ACTIVE_WRITERS) return null;
  const finishes = next.finishes + (ends ? 1 : 0);
  const granted = { ...next, activeWriters, finishes, objects: [...objects] };
  return { progress: granted, lease };
}

/**
 * Counts a read-back of the object, or returns null after MAX_READ_BACKS of them: the client then has to begin a new
 * upload.
 */
export function readBack(progress: Progress, object: KnownObject): Progress | null {
  const { readBacks = 0 } = progress;
  if (readBacks >= MAX_READ_BACKS) return null;
  return { ...learn(progress, object), readBacks: readBacks + 1 };
}

/** Keeps what was found out about the object that the upload's parts make; knowledge of another object is of no use. */
export function learn(progress: Progress, object: KnownObject): Progress {
  if (object.key !== progress.multipart?.key) return progress;
  const before = progress.object?.key === object.key ? progress.object.digests : [];
  const digests = [...new Set([...before, ...object.digests])];
  return { ...progress, object: { ...object, digests } };
}

/**
 * Returns what is known of the object that the lease's parts make, or null. A writer that starts over makes another
 * object.
 */
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

/** Returns the bytes that the database should count as unfinished; null for none. */
export function toBeCounted({ ended, offset }: Progress): number | null {
  return ended !== null || offset === 0 ? null : offset;
}

/** Returns whether the tail can become a whole part with `length` more bytes; true where the length is unknown. */
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
