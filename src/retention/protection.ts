/** Why images stay that a policy's rules are about: what a preview says besides what would go. */
import type { Digest } from "../oci/digest.ts";
import type { RetentionPolicy } from "./policy.ts";
import type { Found } from "./store.ts";
import {
  DAY,
  isBeyond,
  keeperOf,
  type Limits,
  sparedFor,
  takerOf,
  type Times,
  usedAt,
} from "./evaluate.ts";

/** What keeps an image that a rule would take. */
export interface Protection {
  /** `unknown`: nobody noted whether it was in use. */
  readonly by: "tags" | "immutability" | "grace" | "rule" | "use" | "unknown";
  /** The keep rule's priority. */
  readonly rule: number | null;
  /** The day, of days since 1970, that it was used on last. */
  readonly usedOn: number | null;
  /** When it goes if nothing changes, in milliseconds since 1970; null for never. */
  readonly until: number | null;
}

const NOTHING = { rule: null, usedOn: null, until: null };

/** @returns null where no rule would take it in any case, or one does take it */
export function protectionOf(
  { rules }: RetentionPolicy,
  limits: Limits,
  image: Found,
  times: Times,
): Protection | null {
  const taker = takerOf(rules, image);
  if (taker === null) return null;
  const { count, priority } = taker;
  const neverUsed = isBeyond(
    taker,
    limits[priority],
    { ...image, usedOn: null },
    { ...times, usesSince: 0 },
  );
  if (!neverUsed) return null;
  const spared = sparedFor(image, times);
  if (spared !== null) {
    const until = spared === "grace" ? image.pushedAt + times.grace : null;
    return { ...NOTHING, by: spared, until };
  }
  const keeper = keeperOf(rules, limits, image, times);
  if (keeper !== null) return { ...NOTHING, by: "rule", rule: keeper.priority };
  if (isBeyond(taker, limits[priority], image, times)) return null;
  const until = usedAt(image, times) + (count !== null && "days" in count ? count.days : 0) * DAY;
  const isKnown = usedAt(image, times) > times.usesSince;
  return isKnown
    ? { ...NOTHING, by: "use", usedOn: image.usedOn, until }
    : { ...NOTHING, by: "unknown", until };
}

/** Images that the same thing keeps. */
export interface ProtectedGroup extends Protection {
  readonly images: number;
  readonly examples: readonly { readonly digest: Digest; readonly tags: readonly string[] }[];
}

const MAX_EXAMPLES = 3;
const MAX_EXAMPLE_TAGS = 5;

/** By what keeps them; of a group the latest day and moment. */
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
