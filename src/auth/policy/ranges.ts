import { type Actor, covers, type Grant, type Right } from "./access.ts";

/** The names from one to another, both included, in the order of their bytes. */
export interface NameRange {
  readonly from: string;
  readonly to: string;
}

/** Above every character that a repository's name may have; a space is below them. */
const ABOVE = "~";
const BELOW = " ";

/**
 * Where the repositories lie that the actor has a right on: no name outside of the ranges, though not every one within
 * where a pattern goes on after its first star. Sorted and apart from each other.
 */
export function rangesFor({ grants, limits }: Actor, right: Right): NameRange[] {
  const granted = rangesOfGrants(grants, right);
  return limits === null ? granted : intersect(granted, rangesOfGrants(limits, right));
}

/** Where the repositories lie on which an actor has a right. */
export interface Reach {
  /** Every name in these is the actor's. */
  readonly sure: readonly NameRange[];
  /** In these a pattern goes on after its star, so each name has to be looked at. */
  readonly sparse: readonly NameRange[];
}

/** Both are sorted and apart, and depend on nothing but the actor's own grants and limits. */
export function reachOf(actor: Actor, right: Right): Reach {
  const { grants, limits } = actor;
  const granted = rangesOfGrants(grants.filter(isWhole), right);
  const sure =
    limits === null ? granted : intersect(granted, rangesOfGrants(limits.filter(isWhole), right));
  const isSure = (range: NameRange) =>
    sure.some(({ from, to }) => from <= range.from && range.to <= to);
  return { sure, sparse: rangesFor(actor, right).filter((range) => !isSure(range)) };
}

/** Whether the pattern names all that begins like it: it ends with its only star, or has none. */
function isWhole({ pattern }: Grant): boolean {
  const star = pattern.indexOf("*");
  return star === -1 || star === pattern.length - 1;
}

/** The names after one. */
export function namesAfter(name: string): NameRange[] {
  return [{ from: name + BELOW, to: ABOVE }];
}

/** The names that begin as the pattern does, up to its first star. */
export function rangesOf(pattern: string): NameRange[] {
  const star = pattern.indexOf("*");
  if (star === -1) return [{ from: pattern, to: pattern }];
  const prefix = pattern.slice(0, star);
  const begun = { from: prefix, to: prefix + ABOVE };
  const alone = prefix.slice(0, -1);
  // A repository of one component counts as `acme/`, but does not sort there.
  if (alone.includes("/") || !covers(pattern, alone)) return [begun];
  return merge([{ from: alone, to: alone }, begun]);
}

/** What lies in both; each is sorted and apart, and so is the result. */
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
