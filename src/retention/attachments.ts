/**
 * Finds the attachments that are deleted with an image: manifests that belong to it alone. An attachment stays when
 * something else needs it: an index or subject that stays, a tag of its own, an immutable tag.
 */
import type { Digest } from "../oci/digest.ts";
import { type Found, MAX_TAGS } from "./store.ts";
import { isOlder, isYoung, type Times, type Verdict } from "./evaluate.ts";

/** An image to delete, the decision with its rule, and its attachments. */
export interface Leaving {
  readonly image: Found;
  readonly verdict: Verdict;
  readonly parts: readonly Found[];
}

/** The known manifests of a repository, and how to evaluate them. */
export interface Known {
  readonly found: ReadonlyMap<Digest, Found>;
  readonly judge: (image: Found) => Verdict;
  readonly times: Times;
}

/** The tags of attachments: cosign's, and those of clients without the referrers API. */
const ATTACHMENT = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;
/** The greatest depth of attachments of attachments, far more than anyone uses. */
export const MAX_LEVEL = 8;

/** @param images the images to delete, in the order of evaluation, each with its decision and all its attachments */
export function plan(
  images: readonly { image: Found; verdict: Verdict; family: readonly Found[] }[],
  known: Known,
): Leaving[] {
  const levels = new Map<Digest, number>();
  const departures = new Departures(known);
  return images.map(({ image, verdict, family }) => {
    levels.set(image.digest, 0);
    const left = new Set(family.filter((part) => mayLeave(part, known.times)));
    return { image, verdict, parts: partsOf(image, left, levels, departures) };
  });
}

/**
 * Returns the depth of each manifest: greater than that of all manifests that it belongs to; an image's is 0. Depths
 * are right only when all manifests to delete are known, since a manifest may come before one that it belongs to.
 */
export function levelsOf(leaving: readonly Leaving[]): ReadonlyMap<Digest, number> {
  const levels = new Map(
    leaving.flatMap(({ image, parts }) => [image, ...parts].map(({ digest }) => [digest, 0])),
  );
  const all = leaving.flatMap(({ parts }) => parts);
  let isSettled = false;
  for (let round = 0; round <= MAX_LEVEL && !isSettled; round++) {
    isSettled = true;
    for (const { digest, owners } of all) {
      const above = Math.max(0, ...(owners ?? []).map((owner) => levels.get(owner) ?? 0));
      // Bounded, whatever the index says: manifests that name each other would get ever greater depths.
      const level = Math.min(above + 1, 2 * MAX_LEVEL);
      isSettled &&= level === levels.get(digest);
      levels.set(digest, level);
    }
  }
  return levels;
}

/** Finds the image's attachments, adds them to the depths, and removes them from the candidates left. */
function partsOf(
  image: Found,
  left: Set<Found>,
  levels: Map<Digest, number>,
  departures: Departures,
): Found[] {
  const parts: Found[] = [];
  // One pass for each depth, and one that finds nothing more.
  for (let round = 0; round <= MAX_LEVEL; round++) {
    const next = [...left].flatMap((part) => {
      const level = levelOf(part, image, levels, departures);
      return level === null || level > MAX_LEVEL ? [] : { part, level };
    });
    for (const { part, level } of next) {
      left.delete(part);
      if (levels.has(part.digest)) continue;
      levels.set(part.digest, level);
      parts.push(part);
    }
  }
  return parts;
}

/** @returns null while a manifest that stays refers to it */
function levelOf(
  part: Found,
  image: Found,
  levels: ReadonlyMap<Digest, number>,
  departures: Departures,
): number | null {
  let level = 0;
  for (const owner of part.owners ?? []) {
    const above = levels.get(owner);
    if (above === undefined && !departures.isGone(owner, image)) return null;
    level = Math.max(level, above ?? 0);
  }
  return level + 1;
}

/** Finds when manifests that still exist would be deleted; visits each one once for each depth. */
class Departures {
  readonly #known: Known;
  readonly #last = new Map<string, Found | null>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Returns whether a manifest that still exists would be deleted before the image is. */
  isGone(digest: Digest, image: Found): boolean {
    const last = this.#lastOf(digest, MAX_LEVEL);
    return last !== null && isOlder(image, last);
  }

  /** Returns the oldest, so last deleted, of the images that it belongs to, or itself; null if one of them stays. */
  #lastOf(digest: Digest, depth: number): Found | null {
    const found = this.#known.found.get(digest);
    if (found === undefined || depth === 0) return null;
    const key = found.isPart ? `${depth} ${digest}` : digest;
    let last = this.#last.get(key);
    if (last === undefined) {
      last = found.isPart ? this.#lastOfOwners(found, depth) : this.#leavingOrNull(found);
      this.#last.set(key, last);
    }
    return last;
  }

  #leavingOrNull(image: Found): Found | null {
    return this.#known.judge(image).rule === null ? null : image;
  }

  #lastOfOwners(part: Found, depth: number): Found | null {
    if (!mayLeave(part, this.#known.times)) return null;
    let oldest: Found | null = null;
    for (const owner of part.owners ?? []) {
      const last = this.#lastOf(owner, depth - 1);
      if (last === null) return null;
      if (oldest === null || isOlder(last, oldest)) oldest = last;
    }
    return oldest;
  }
}

function mayLeave(part: Found, times: Times): boolean {
  const { tags, subject, owners } = part;
  if (part.isProtected || owners === null || owners.length === 0) return false;
  if (tags.length > MAX_TAGS || !tags.every((tag) => ATTACHMENT.test(tag))) return false;
  // A manifest that was just pushed without a subject or tag may wait for its index; one about an image waits for
  // nothing.
  return subject !== null || tags.length > 0 || !isYoung(part, times);
}
