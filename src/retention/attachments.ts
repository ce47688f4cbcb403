/**
 * Finds the attachments that are deleted with an image: manifests that belong to it alone. An attachment stays when
 * something else needs it: an index or subject that stays, a tag of its own, an immutable tag.
 */
import { isAttachmentTag } from "../oci/attachment-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { type Found, MAX_TAGS } from "./store.ts";
import { isOlder, isYoung, type Times, type Decision } from "./evaluate.ts";

/** An image to delete, the decision with its rule, and its attachments. */
export interface ExpiringImage {
  readonly image: Found;
  readonly decision: Decision;
  readonly attachments: readonly Found[];
}

/** The known manifests of a repository, and how to evaluate them. */
export interface Known {
  readonly found: ReadonlyMap<Digest, Found>;
  readonly evaluate: (image: Found) => Decision;
  readonly times: Times;
}

/** The greatest depth of attachments of attachments, far more than anyone uses. */
export const MAX_DEPTH = 8;

/** @param images the images to delete, in the order of evaluation, each with its decision and all its attachments */
export function plan(
  images: readonly { image: Found; decision: Decision; attachments: readonly Found[] }[],
  known: Known,
): ExpiringImage[] {
  const depths = new Map<Digest, number>();
  const order = new ExpiryOrder(known);
  return images.map(({ image, decision, attachments }) => {
    depths.set(image.digest, 0);
    const left = new Set(attachments.filter((part) => mayExpire(part, known.times)));
    return { image, decision, attachments: attachmentsOf(image, left, depths, order) };
  });
}

/**
 * Returns the depth of each manifest: greater than that of all manifests that it belongs to; an image's is 0. Depths
 * are right only when all manifests to delete are known, since a manifest may come before one that it belongs to.
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
      // Bounded, whatever the index says: manifests that name each other would get ever greater depths.
      const depth = Math.min(above + 1, 2 * MAX_DEPTH);
      isStable &&= depth === depths.get(digest);
      depths.set(digest, depth);
    }
  }
  return depths;
}

/** Finds the image's attachments, adds them to the depths, and removes them from the candidates left. */
function attachmentsOf(
  image: Found,
  left: Set<Found>,
  depths: Map<Digest, number>,
  order: ExpiryOrder,
): Found[] {
  const attachments: Found[] = [];
  // One pass for each depth, and one that finds nothing more.
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

/** @returns null while a manifest that stays refers to it */
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

/** Finds when manifests that still exist would be deleted; visits each one once for each depth. */
class ExpiryOrder {
  readonly #known: Known;
  readonly #last = new Map<string, Found | null>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Returns whether a manifest that still exists would be deleted before the image is. */
  isGone(digest: Digest, image: Found): boolean {
    const last = this.#lastOf(digest, MAX_DEPTH);
    return last !== null && isOlder(image, last);
  }

  /** Returns the oldest, so last deleted, of the images that it belongs to, or itself; null if one of them stays. */
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
    if (!mayExpire(part, this.#known.times)) return null;
    let oldest: Found | null = null;
    for (const owner of part.referencedBy ?? []) {
      const last = this.#lastOf(owner, depth - 1);
      if (last === null) return null;
      if (oldest === null || isOlder(last, oldest)) oldest = last;
    }
    return oldest;
  }
}

function mayExpire(part: Found, times: Times): boolean {
  const { tags, subject, referencedBy } = part;
  if (part.isProtected || referencedBy === null || referencedBy.length === 0) return false;
  if (tags.length > MAX_TAGS || !tags.every(isAttachmentTag)) return false;
  // A manifest that was just pushed without a subject or tag may wait for its index; one about an image waits for
  // nothing.
  return subject !== null || tags.length > 0 || !isYoung(part, times);
}
