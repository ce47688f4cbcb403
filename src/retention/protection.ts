/** Explains, for a preview, why images stay that a policy's rules select. */
import type { Digest } from "../oci/digest.ts";
import type { RetentionPolicy } from "./policy.ts";
import type { Found } from "./store.ts";
import {
  DAY,
  isBeyond,
  keepRuleOf,
  type Limits,
  protectedFor,
  expireRuleOf,
  type Times,
  usedAt,
} from "./evaluate.ts";

/** The reason why an image stays that a rule would delete. */
export interface Protection {
  /** `unknown`: uses were not recorded long enough to tell. */
  readonly by: "tags" | "immutability" | "grace" | "rule" | "use" | "unknown";
  /** The keep rule's priority; null for other reasons. */
  readonly rule: number | null;
  /** The last day on which it was used, in days since 1970. */
  readonly usedOn: number | null;
  /** When it will be deleted if nothing changes, in milliseconds since 1970; null for never. */
  readonly until: number | null;
}

const NOTHING = { rule: null, usedOn: null, until: null };

/** @returns null when no rule would delete the image even if nothing kept it, or when a rule does delete it */
export function protectionOf(
  { rules }: RetentionPolicy,
  limits: Limits,
  image: Found,
  times: Times,
): Protection | null {
  const expireRule = expireRuleOf(rules, image);
  if (expireRule === null) return null;
  const { count, priority } = expireRule;
  const neverUsed = isBeyond(
    expireRule,
    limits[priority],
    { ...image, usedOn: null },
    { ...times, usesSince: 0 },
  );
  if (!neverUsed) return null;
  const spared = protectedFor(image, times);
  if (spared !== null) {
    const until = spared === "grace" ? image.pushedAt + times.grace : null;
    return { ...NOTHING, by: spared, until };
  }
  const keepRule = keepRuleOf(rules, limits, image, times);
  if (keepRule !== null) return { ...NOTHING, by: "rule", rule: keepRule.priority };
  if (isBeyond(expireRule, limits[priority], image, times)) return null;
  const until = usedAt(image, times) + (count !== null && "days" in count ? count.days : 0) * DAY;
  const isKnown = usedAt(image, times) > times.usesSince;
  return isKnown
    ? { ...NOTHING, by: "use", usedOn: image.usedOn, until }
    : { ...NOTHING, by: "unknown", until };
}

/** Images that stay for the same reason. */
export interface ProtectedGroup extends Protection {
  readonly images: number;
  readonly examples: readonly { readonly digest: Digest; readonly tags: readonly string[] }[];
}

const MAX_EXAMPLES = 3;
const MAX_EXAMPLE_TAGS = 5;

/** Groups images by the reason why they stay; a group has the latest day and time of its images. */
export function grouped(
  all: readonly { readonly image: Found; readonly protection: Protection }[],
): ProtectedGroup[] {
  const groups = Map.groupBy(all, ({ protection: { by, rule } }) => `${by} ${rule ?? ""}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const protections = group.map(({ protection }) => protection);
    return {
      ...first.protection,
      usedOn: latest(protections.map(({ usedOn }) => usedOn)),
      until: latest(protections.map(({ until }) => until)),
      images: group.length,
      examples: group.slice(0, MAX_EXAMPLES).map(({ image: { digest, tags } }) => {
        return { digest, tags: tags.slice(0, MAX_EXAMPLE_TAGS) };
      }),
    };
  });
}

function latest(values: readonly (number | null)[]): number | null {
  const known = values.flatMap((value) => value ?? []);
  return known.length === 0 ? null : Math.max(...known);
}
