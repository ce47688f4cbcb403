/**
 * Decides which images a policy deletes. A first pass over all images turns rules that count into limits; then each
 * image is evaluated on its own, in any order and at any time.
 */
import type { Digest } from "../oci/digest.ts";
import { matches } from "../oci/glob.ts";
import type { RetentionPolicy } from "./policy.ts";
import type { Count, Rule, TagSelection } from "./rule.ts";
import { compareVersions, formatVersion, parseVersion, type Version } from "../oci/semver.ts";
import { type Found, MAX_TAGS } from "./store.ts";

export const DAY = 86_400_000;

/** The limits of the rules that count, by the rule's priority. */
export type Limits = Readonly<Record<number, Limit>>;

export type Limit =
  /** How many more images may stay, and the last one that does. */
  | { readonly left: number; readonly last: readonly [number, Digest] | null }
  /** The highest versions, the highest first. */
  | { readonly versions: readonly string[] };

export interface Times {
  /** The time to which ages are measured, in milliseconds since 1970. */
  readonly now: number;
  /** The grace period after a push, in milliseconds: the index that will name the manifest may be on its way. */
  readonly grace: number;
  /** When the recording of uses began, in milliseconds since 1970. */
  readonly usesSince: number;
}

export interface Decision {
  /** The rule that deletes the image; null when it stays. */
  readonly rule: Rule | null;
  readonly reason: string;
}

export function beginLimits({ rules }: RetentionPolicy): Limits {
  return Object.fromEntries(
    rules.flatMap(({ priority, count }) => {
      if (count === null || !("orderBy" in count)) return [];
      const limit: Limit =
        count.orderBy === "semver" ? { versions: [] } : { left: count.number, last: null };
      return [[priority, limit] as const];
    }),
  );
}

/** Returns whether older images can no longer change the limits. */
export function areKnown(limits: Limits): boolean {
  return Object.values(limits).every((limit) => "left" in limit && limit.left === 0);
}

/** Returns the limits after one more image; images come from the newest push to the oldest. */
export function countPass({ rules }: RetentionPolicy, limits: Limits, image: Found): Limits {
  const changed: Record<number, Limit> = {};
  for (const { priority, tags, count } of rules) {
    const limit = limits[priority];
    if (limit === undefined || count === null || !("number" in count)) continue;
    if (!selects(tags, image)) continue;
    if ("versions" in limit) {
      const versions = withVersion(limit.versions, versionOf(tags, image), count.number);
      if (versions !== limit.versions) changed[priority] = { versions };
    } else if (limit.left > 0) {
      changed[priority] = { left: limit.left - 1, last: [image.pushedAt, image.digest] };
    }
  }
  return Object.keys(changed).length === 0 ? limits : { ...limits, ...changed };
}

/** Inserts a version, and keeps the first `number` of them, the highest first. */
function withVersion(
  versions: readonly string[],
  version: Version | null,
  number: number,
): readonly string[] {
  if (version === null) return versions;
  let [low, high] = [0, versions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isLower(parseVersion(versions[middle] ?? ""), version)) high = middle;
    else low = middle + 1;
  }
  if (low >= number) return versions;
  return versions.toSpliced(low, 0, formatVersion(version)).slice(0, number);
}

export function evaluate(
  { rules }: RetentionPolicy,
  limits: Limits,
  image: Found,
  times: Times,
): Decision {
  if (protectedFor(image, times) !== null || keepRuleOf(rules, limits, image, times) !== null) {
    return STAYS;
  }
  const rule = expireRuleOf(rules, image);
  if (rule === null || !isBeyond(rule, limits[rule.priority], image, times)) return STAYS;
  return { rule, reason: rule.count === null ? "" : reasonOf(rule.count) };
}

const STAYS: Decision = { rule: null, reason: "" };

/** Returns the keep rule that holds the image, or null. */
export function keepRuleOf(
  rules: readonly Rule[],
  limits: Limits,
  image: Found,
  times: Times,
): Rule | null {
  const keepRule = rules.find((rule) => {
    if (rule.action !== "keep" || !applies(rule, image)) return false;
    return rule.count === null || !isBeyond(rule, limits[rule.priority], image, times);
  });
  return keepRule ?? null;
}

/**
 * Returns the rule that may delete the image, or null. "An image that matches the tagging requirements of a rule cannot
 * be expired or archived by a rule with a lower priority" (userguide/LifecyclePolicies.html).
 */
export function expireRuleOf(rules: readonly Rule[], image: Found): Rule | null {
  const rule = rules.find(({ action, ...rest }) => action !== "keep" && applies(rest, image));
  return rule?.action === "expire" ? rule : null;
}

function applies({ tags, count }: Pick<Rule, "tags" | "count">, image: Found): boolean {
  return selects(tags, image) && (!isByVersion(count) || versionOf(tags, image) !== null);
}

/** Returns why no rule may delete the image, or null. */
export function protectedFor(image: Found, times: Times): "tags" | "immutability" | "grace" | null {
  if (image.tags.length > MAX_TAGS) return "tags";
  if (image.isProtected) return "immutability";
  return isYoung(image, times) ? "grace" : null;
}

export function isYoung({ pushedAt }: Found, { now, grace }: Times): boolean {
  return pushedAt > now - grace;
}

/** Returns whether the image is beyond the count, or older than the age, that the rule lets stay. */
export function isBeyond(
  rule: Rule,
  limit: Limit | undefined,
  image: Found,
  times: Times,
): boolean {
  const { count, tags } = rule;
  if (count === null) return false;
  if ("number" in count) return limit !== undefined && isOver(limit, count.number, tags, image);
  const age = count.days * DAY;
  const isByPush = count.type === "sinceImagePushed" || count.type === "pushedWithin";
  return (isByPush ? image.pushedAt : usedAt(image, times)) < times.now - age;
}

function isOver(limit: Limit, number: number, tags: TagSelection, image: Found): boolean {
  if ("versions" in limit) {
    // An image with the same version as the lowest one that stays also stays.
    const lowest = limit.versions.length < number ? undefined : limit.versions[number - 1];
    const version = versionOf(tags, image);
    return lowest !== undefined && version !== null && isLower(version, parseVersion(lowest));
  }
  if (limit.left > 0 || limit.last === null) return false;
  return isOlder(image, { pushedAt: limit.last[0], digest: limit.last[1] });
}

/** The order of evaluation. The digest only separates images that were pushed at the same moment. */
export function isOlder(
  a: Pick<Found, "pushedAt" | "digest">,
  b: Pick<Found, "pushedAt" | "digest">,
): boolean {
  return a.pushedAt === b.pushedAt ? a.digest < b.digest : a.pushedAt < b.pushedAt;
}

/**
 * Returns the time of the last use. Only its day is known, so it is the end of that day. "If an image was never pulled,
 * the image's pushed_at_time is used instead" (userguide/LifecyclePolicies.html); so is a later push.
 */
export function usedAt({ pushedAt, usedOn }: Found, { usesSince }: Times): number {
  return Math.max(pushedAt, usesSince, usedOn === null ? 0 : (usedOn + 1) * DAY - 1);
}

/**
 * Requires that each pattern matches one of the tags, not necessarily the same one
 * (userguide/lifecycle_policy_examples.html, "Example A" with several tags).
 */
function selects(selection: TagSelection, { tags }: Found): boolean {
  if (selection.status === "any") return true;
  if (selection.status === "untagged") return tags.length === 0;
  const tests = testsOf(selection);
  return tests.every((test) => tags.some(test));
}

function testsOf(selection: TagSelection): ((tag: string) => boolean)[] {
  if (selection.status !== "tagged") return [() => true];
  const { patterns = [], prefixes = [] } = selection;
  return [
    ...patterns.map((pattern) => (tag: string) => matches(pattern, tag)),
    ...prefixes.map((prefix) => (tag: string) => tag.startsWith(prefix)),
  ];
}

/** Returns the highest version among the tags that the rule selects, or null. */
function versionOf(selection: TagSelection, { tags }: Found): Version | null {
  const tests = testsOf(selection);
  let highest: Version | null = null;
  for (const tag of tags) {
    const version = tests.some((test) => test(tag)) ? parseVersion(tag) : null;
    if (version !== null && (highest === null || isLower(highest, version))) highest = version;
  }
  return highest;
}

function isLower(a: Version | null, b: Version | null): boolean {
  return a !== null && b !== null && compareVersions(a, b) < 0;
}

function isByVersion(count: Count | null): boolean {
  return count !== null && "orderBy" in count && count.orderBy === "semver";
}

function reasonOf(count: Count): string {
  if ("days" in count) {
    return count.type === "sinceImagePulled"
      ? `not pulled or asked for in more than ${count.days} days`
      : `pushed more than ${count.days} days ago`;
  }
  const best = count.orderBy === "semver" ? "highest versions" : "last pushed";
  return `not one of the ${count.number} ${best}`;
}
