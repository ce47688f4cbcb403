import { type Actor, covers, type Grant, type Right } from "./access.ts";

/** The names between two, both included, in byte order. */
export interface NameRange {
  readonly from: string;
  readonly to: string;
}

/** "~" sorts after every character of a repository name, and a space before. */
const ABOVE = "~";
const BELOW = " ";

/**
 * Returns the ranges of names in which the actor has a right, sorted and without overlap. No name outside them is
 * allowed; inside, some may not be, where a pattern continues after its first star.
 */
export function rangesFor({ grants, limits }: Actor, right: Right): NameRange[] {
  const granted = rangesOfGrants(grants, right);
  return limits === null ? granted : intersect(granted, rangesOfGrants(limits, right));
}

/** The ranges of names on which an actor has a right. */
export interface Reach {
  /** Ranges in which the actor has the right on every name. */
  readonly sure: readonly NameRange[];
  /** Ranges of patterns that continue after their first star, so each name has to be checked. */
  readonly sparse: readonly NameRange[];
}

/** Splits the actor's ranges. Both parts are sorted, without overlap, and depend only on its own grants and limits. */
export function reachOf(actor: Actor, right: Right): Reach {
  const { grants, limits } = actor;
  const granted = rangesOfGrants(grants.filter(isWhole), right);
  const sure =
    limits === null ? granted : intersect(granted, rangesOfGrants(limits.filter(isWhole), right));
  const isSure = (range: NameRange) =>
    sure.some(({ from, to }) => from <= range.from && range.to <= to);
  return { sure, sparse: rangesFor(actor, right).filter((range) => !isSure(range)) };
}

/** Returns whether the pattern matches all names with its prefix: it ends with its only star, or has none. */
function isWhole({ pattern }: Grant): boolean {
  const star = pattern.indexOf("*");
  return star === -1 || star === pattern.length - 1;
}

/** The names that sort after one. */
export function namesAfter(name: string): NameRange[] {
  return [{ from: name + BELOW, to: ABOVE }];
}

/** The names that begin with the pattern's prefix, the text up to its first star. */
export function rangesOf(pattern: string): NameRange[] {
  const star = pattern.indexOf("*");
  if (star === -1) return [{ from: pattern, to: pattern }];
  const prefix = pattern.slice(0, star);
  const begun = { from: prefix, to: prefix + ABOVE };
  const alone = prefix.slice(0, -1);
  // A repository of one component matches as `acme/`, but does not sort there.
  if (alone.includes("/") || !covers(pattern, alone)) return [begun];
  return merge([{ from: alone, to: alone }, begun]);
}

/** Intersects two lists of ranges, each sorted and without overlap; the result is so too. */
export function intersect(some: readonly NameRange[], others: readonly NameRange[]): NameRange[] {
  return some.flatMap((one) =>
    others.flatMap((other) => {
      const from = one.from > other.from ? one.from : other.from;
      const to = one.to < other.to ? one.to : other.to;
      return from <= to ? [{ from, to }] : [];
    }),
  );
}

function rangesOfGrants(grants: readonly Grant[], right: Right): NameRange[] {
  const giving = grants.filter(({ rights }) => rights.includes(right));
  return merge(giving.flatMap(({ pattern }) => rangesOf(pattern)));
}

function merge(ranges: readonly NameRange[]): NameRange[] {
  const merged: NameRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = merged.at(-1);
    if (last === undefined || last.to < range.from) merged.push(range);
    else if (last.to < range.to) merged[merged.length - 1] = { from: last.from, to: range.to };
  }
  return merged;
}
