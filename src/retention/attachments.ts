/**
 * What goes with an image: what belongs to it alone. Whatever else has a hold on a part keeps it: an index or subject that
 * stays, a tag of its own, an immutable tag.
 */
import type { Digest } from "../oci/digest.ts";
import { type Found, MAX_TAGS } from "./store.ts";
import { isOlder, isYoung, type Times, type Decision } from "./evaluate.ts";

/** An image that goes, and by which rule, with its parts. */
export interface ExpiringImage {
  readonly image: Found;
  readonly decision: Decision;
  readonly attachments: readonly Found[];
}

/** What is known of a repository's manifests. */
export interface Known {
  readonly found: ReadonlyMap<Digest, Found>;
  readonly evaluate: (image: Found) => Decision;
  readonly times: Times;
}

/** The tags of signatures and the like: cosign's, and those of clients that know no referrers API. */
const ATTACHMENT = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;
/** Parts of parts of parts: nobody goes so far. */
export const MAX_DEPTH = 8;

/** @param images that go, in the order in which they are judged, each with its verdict and all that belongs to it */
export function plan(
  images: readonly { image: Found; decision: Decision; attachments: readonly Found[] }[],
  known: Known,
): ExpiringImage[] {
  const depths = new Map<Digest, number>();
  const order = new ExpiryOrder(known);
  return images.map(({ image, decision, attachments }) => {
    depths.set(image.digest, 0);
    const left = new Set(attachments.filter((part) => mayLeave(part, known.times)));
    return { image, decision, attachments: attachmentsOf(image, left, depths, order) };
  });
}

/**
 * Each manifest's level: above those of all that it belongs to, which have to go first. An image's is 0. Only when all that
 * goes is known are they right: an owner may come after its part.
 */
export function depthsOf(expiring: readonly ExpiringImage[]): ReadonlyMap<Digest, number> {
  const depths = new Map(
    expiring.flatMap(({ image, attachments }) =>
      [image, ...attachments].map(({ digest }) => [digest, 0]),
    ),
  );
  const all = expiring.flatMap(({ attachments }) => attachments);
  let isStable = false;
  for (let round = 0; round <= MAX_DEPTH && !isStable; round++) {
    isStable = true;
    for (const { digest, referencedBy } of all) {
      const above = Math.max(0, ...(referencedBy ?? []).map((owner) => depths.get(owner) ?? 0));
      // Whatever the index says, there is an end to it.
      const depth = Math.min(above + 1, 2 * MAX_DEPTH);
      isStable &&= depth === depths.get(digest);
      depths.set(digest, depth);
    }
  }
  return depths;
}

/** Adds the image's parts to the levels, and takes them out of what is left. */
function attachmentsOf(
  image: Found,
  left: Set<Found>,
  depths: Map<Digest, number>,
  order: ExpiryOrder,
): Found[] {
  const attachments: Found[] = [];
  // One round for each level, and one that finds nothing more.
  for (let round = 0; round <= MAX_DEPTH; round++) {
    const next = [...left].flatMap((part) => {
      const depth = levelOf(part, image, depths, order);
      return depth === null || depth > MAX_DEPTH ? [] : { part, depth };
    });
    for (const { part, depth } of next) {
      left.delete(part);
      if (depths.has(part.digest)) continue;
      depths.set(part.digest, depth);
      attachments.push(part);
    }
  }
  return attachments;
}

/** @returns null while something keeps it */
function levelOf(
  part: Found,
  image: Found,
  depths: ReadonlyMap<Digest, number>,
  order: ExpiryOrder,
): number | null {
  let depth = 0;
  for (const owner of part.referencedBy ?? []) {
    const above = depths.get(owner);
    if (above === undefined && !order.isGone(owner, image)) return null;
    depth = Math.max(depth, above ?? 0);
  }
  return depth + 1;
}

/** With what images that which is still there goes. Each manifest is looked at once for each level that it is reached at. */
class ExpiryOrder {
  readonly #known: Known;
  readonly #last = new Map<string, Found | null>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Whether something that is still there would have gone before the image's turn comes. */
  isGone(digest: Digest, image: Found): boolean {
    const last = this.#lastOf(digest, MAX_DEPTH);
    return last !== null && isOlder(image, last);
  }

  /** The oldest, and thus the last one to go, of the images that it belongs to, or itself; null where one of them stays. */
  #lastOf(digest: Digest, depth: number): Found | null {
    const found = this.#known.found.get(digest);
    if (found === undefined || depth === 0) return null;
    const key = found.isPart ? `${depth} ${digest}` : digest;
    let last = this.#last.get(key);
    if (last === undefined) {
      last = found.isPart ? this.#lastOfOwners(found, depth) : this.#expiringOrNull(found);
      this.#last.set(key, last);
    }
    return last;
  }

  #expiringOrNull(image: Found): Found | null {
    return this.#known.evaluate(image).rule === null ? null : image;
  }

  #lastOfOwners(part: Found, depth: number): Found | null {
    if (!mayLeave(part, this.#known.times)) return null;
    let oldest: Found | null = null;
    for (const owner of part.referencedBy ?? []) {
      const last = this.#lastOf(owner, depth - 1);
      if (last === null) return null;
      if (oldest === null || isOlder(last, oldest)) oldest = last;
    }
    return oldest;
  }
}

function mayLeave(part: Found, times: Times): boolean {
  const { tags, subject, referencedBy } = part;
  if (part.isProtected || referencedBy === null || referencedBy.length === 0) return false;
  if (tags.length > MAX_TAGS || !tags.every((tag) => ATTACHMENT.test(tag))) return false;
  // What was just pushed to be named by an index waits for it; what is about an image has nothing else to wait for.
  return subject !== null || tags.length > 0 || !isYoung(part, times);
}
