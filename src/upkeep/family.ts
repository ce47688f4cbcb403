/**
 * What goes with an image: what belongs to it alone. Whatever else has a hold on a part keeps it: an index or subject that
 * stays, a tag of its own, an immutable tag.
 */
import type { Digest } from "../oci/digest.ts";
import { type Found, MAX_TAGS } from "../storage/retention-index.ts";
import { isOlder, isYoung, type Times, type Verdict } from "./judge.ts";

/** An image that goes, and by which rule, with its parts. */
export interface Leaving {
  readonly image: Found;
  readonly verdict: Verdict;
  readonly parts: readonly Found[];
}

export interface Plan {
  readonly leaving: readonly Leaving[];
  /** Each manifest's level: above those of all that it belongs to, which have to go first. */
  readonly levels: ReadonlyMap<Digest, number>;
}

/** What is known of a repository's manifests. */
export interface Known {
  readonly found: ReadonlyMap<Digest, Found>;
  readonly judge: (image: Found) => Verdict;
  readonly times: Times;
}

/** The tags of signatures and the like: cosign's, and those of clients that know no referrers API. */
const ATTACHMENT = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;
/** Parts of parts of parts: nobody goes so far. */
export const MAX_LEVEL = 8;

/** @param images that go, in the order in which they are judged, each with its verdict and all that belongs to it */
export function plan(
  images: readonly { image: Found; verdict: Verdict; family: readonly Found[] }[],
  known: Known,
): Plan {
  const levels = new Map<Digest, number>();
  const leaving = images.map(({ image, verdict, family }) => {
    levels.set(image.digest, 0);
    const parts = partsOf(image, family, levels, known);
    return { image, verdict, parts };
  });
  return { leaving, levels };
}

/** Adds the image's parts to the levels. */
function partsOf(
  image: Found,
  family: readonly Found[],
  levels: Map<Digest, number>,
  known: Known,
): Found[] {
  const parts: Found[] = [];
  const left = new Set(family.filter((part) => mayLeave(part, known.times)));
  // One round for each level, and one that finds nothing more.
  for (let round = 0; round <= MAX_LEVEL; round++) {
    const next = [...left].flatMap((part) => {
      const level = levelOf(part, image, levels, known);
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

/** @returns null while something keeps it */
function levelOf(
  part: Found,
  image: Found,
  levels: ReadonlyMap<Digest, number>,
  known: Known,
): number | null {
  let level = 0;
  for (const owner of part.owners ?? []) {
    const above = levels.get(owner);
    if (above === undefined && !isGone(owner, image, known, MAX_LEVEL)) return null;
    level = Math.max(level, above ?? 0);
  }
  return level + 1;
}

/** Whether something that is still there would have gone before the image's turn comes. */
function isGone(digest: Digest, image: Found, known: Known, depth: number): boolean {
  const found = known.found.get(digest);
  if (found === undefined || depth === 0) return false;
  if (!found.isPart) return isOlder(image, found) && known.judge(found).rule !== null;
  return (
    mayLeave(found, known.times) &&
    (found.owners ?? []).every((owner) => isGone(owner, image, known, depth - 1))
  );
}

function mayLeave(part: Found, times: Times): boolean {
  const { tags, subject, owners } = part;
  if (part.isProtected || owners === null || owners.length === 0) return false;
  if (tags.length > MAX_TAGS || !tags.every((tag) => ATTACHMENT.test(tag))) return false;
  // What was just pushed to be named by an index waits for it; what is about an image has nothing else to wait for.
  return subject !== null || tags.length > 0 || !isYoung(part, times);
}
