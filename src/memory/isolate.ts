/** What an isolate's memory is divided into: a Worker has 128 MB (developers.cloudflare.com/workers/platform/limits). */
import { cachedBytes } from "./lru.ts";
import { Claim } from "./claim.ts";
import { Meter, type Owner, Pool } from "./pool.ts";

const MiB = 1024 * 1024;

/** Together 60 MiB. The rest of 64 MiB is for the one buffer at a time that is being copied into a larger one. */
const meter = new Meter();
/** Where each body begins. A short one ends here too, and so waits for no long one. */
const short = new Pool({ all: 12 * MiB, namespace: 6 * MiB, actor: 4 * MiB, whole: MiB }, meter);
/** Parts of 8 MiB: of an upload that is alone four travel while the next one comes. */
const long = new Pool(
  { all: 40 * MiB, namespace: 24 * MiB, actor: 16 * MiB, whole: 8 * MiB },
  meter,
);
/**
 * For finishes that bring no body: no client that sends slowly shall keep another from its answer. A tail is there whole and
 * never grows, so no room is kept for one to become whole.
 */
const tails = new Pool({ all: 8 * MiB, namespace: 8 * MiB, actor: 8 * MiB, whole: 0 }, meter);

/** Memory for what a client sends. Close it when nothing of it is held any more. */
export function claimForBody(owner: Owner): Claim {
  return new Claim([short, long], owner);
}

/**
 * Memory for a body that is kept as a whole, and once more as text. One that may not fit into a part is claimed before its
 * bytes: growing, two of them could wait for each other.
 * @param most how long it may be
 */
export async function claimForText(owner: Owner, most: number): Promise<Claim> {
  const claim = claimForBody(owner);
  if (2 * most > long.limits.whole) await claim.grow(2 * most);
  return claim;
}

/** Memory for bytes that are there already. */
export function claimForTail(owner: Owner): Claim {
  return new Claim([tails], owner);
}

/** What this isolate holds, in bytes. */
export interface MemoryUse {
  /** Bodies in flight: uploads and manifests. At most 64 MiB. */
  readonly bodies: number;
  /** The most that they ever were. */
  readonly peakBodies: number;
  /** What is kept from one request to the next. */
  readonly caches: number;
}

export function memoryUse(): MemoryUse {
  return { bodies: meter.used, peakBodies: meter.peak, caches: cachedBytes() };
}
