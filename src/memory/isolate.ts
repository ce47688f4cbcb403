/** Divides an isolate's memory into pools. A Worker has 128 MB (developers.cloudflare.com/workers/platform/limits). */
import { cachedBytes } from "./lru.ts";
import { Claim } from "./claim.ts";
import { Meter, type Owner, Pool } from "./pool.ts";

const MiB = 1024 * 1024;

/**
 * Counts the bytes of all pools, 60 MiB together. The rest of 64 MiB is for the one buffer at a time that is being
 * copied into a larger one.
 */
const meter = new Meter();
/** The pool in which each body begins. A short body ends here too, so it never waits for a long one. */
const short = new Pool({ all: 12 * MiB, namespace: 6 * MiB, actor: 4 * MiB, whole: MiB }, meter);
/** The pool for parts of 8 MiB. An upload that is alone has four of them in flight while the next one comes. */
const long = new Pool(
  { all: 40 * MiB, namespace: 24 * MiB, actor: 16 * MiB, whole: 8 * MiB },
  meter,
);
/**
 * The pool for finishing requests without a body, so that a client that sends slowly does not keep another one from its
 * answer. A tail is there as a whole and never grows, so no room is reserved for growth.
 */
const tails = new Pool({ all: 8 * MiB, namespace: 8 * MiB, actor: 8 * MiB, whole: 0 }, meter);

/** Claims memory for the body that a client sends. Close the claim when none of its buffers is in use. */
export function claimForBody(owner: Owner): Claim {
  return new Claim([short, long], owner);
}

/**
 * Claims memory for a body that is held twice, as bytes and as text. A body that may not fit into a part is claimed
 * before its bytes come: if two of them grew, they could wait for each other.
 * @param most the longest that the body may be, in bytes
 */
export async function claimForText(owner: Owner, most: number): Promise<Claim> {
  const claim = claimForBody(owner);
  if (2 * most > long.limits.whole) await claim.grow(2 * most);
  return claim;
}

/** Claims memory for bytes that are already there. */
export function claimForTail(owner: Owner): Claim {
  return new Claim([tails], owner);
}

/** The memory that this isolate uses, in bytes. */
export interface MemoryUse {
  /** Bodies in flight: uploads and manifests. At most 64 MiB. */
  readonly bodies: number;
  /** The most that bodies have taken at once. */
  readonly peakBodies: number;
  /** The caches that are kept between requests. */
  readonly caches: number;
}

export function memoryUse(): MemoryUse {
  return { bodies: meter.used, peakBodies: meter.peak, caches: cachedBytes() };
}
