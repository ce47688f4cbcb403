import type { Digest } from "../oci/digest.ts";
import type { LifecyclePolicy } from "./policy.ts";
import type { Found, Look, Position, RetentionIndex } from "./store.ts";
import { type Leaving, plan } from "./attachments.ts";
import { type Protection, protectionOf } from "./protection.ts";
import {
  areKnown,
  beginLimits,
  judge,
  type Limits,
  survey,
  type Times,
  type Verdict,
} from "./evaluate.ts";

/** The progress of a policy in a repository: all that is stored between two steps. */
export interface Walk {
  /** When the run began, in milliseconds since 1970; ages are measured to this time. */
  readonly now: number;
  /** A first pass counts all images for the rules that count; the second evaluates each. */
  readonly phase: "survey" | "judge" | "done";
  readonly after: Position | null;
  readonly limits: Limits;
}

export interface Turn {
  readonly walk: Walk;
  readonly leaving: readonly Leaving[];
  /** The manifests that were evaluated. */
  readonly judged: readonly Found[];
}

export interface Bounds {
  /** Manifests that one step reads. */
  readonly page: number;
  /** Images that one step deletes. */
  readonly leaving: number;
  /** Manifests and tags deleted with them; only a single image may exceed this. */
  readonly rows: number;
}

export const BOUNDS: Bounds = { page: 200, leaving: 50, rows: 1_000 };
/** The most referencing manifests outside the page that one query reads, and how many levels of these are followed. */
const MAX_OWNERS = 500;
const MAX_LOOKUPS = 3;

export function beginWalk(policy: LifecyclePolicy, now: number): Walk {
  const limits = beginLimits(policy);
  return { now, phase: areKnown(limits) ? "judge" : "survey", after: null, limits };
}

/** Returns whether the policy depends on use. */
export function countsUse({ rules }: LifecyclePolicy): boolean {
  return rules.some(
    ({ count }) => count?.type === "sinceImagePulled" || count?.type === "pulledWithin",
  );
}

/** Scans the images of one repository by one policy. It deletes nothing, but returns what to delete. */
export class Walker {
  readonly #index: RetentionIndex;
  readonly #policy: LifecyclePolicy;
  readonly #repository: number;
  readonly #times: Omit<Times, "now">;
  readonly #bounds: Bounds;

  constructor(
    index: RetentionIndex,
    subject: { readonly repository: number; readonly policy: LifecyclePolicy },
    times: Omit<Times, "now">,
    bounds: Bounds = BOUNDS,
  ) {
    this.#index = index;
    this.#policy = subject.policy;
    this.#repository = subject.repository;
    this.#times = times;
    this.#bounds = bounds;
  }

  /** Scans one page, or until `most` images are to be deleted. */
  async step(walk: Walk, most = Infinity): Promise<Turn> {
    if (walk.phase === "done") return { walk, leaving: [], judged: [] };
    const page = await this.#index.page(this.#look(walk), walk.after, this.#bounds.page);
    if (walk.phase === "survey") return this.#survey(walk, page);
    const turn = await this.#judge(walk, page, Math.min(most, this.#bounds.leaving));
    const last = turn.walk.after?.[1];
    const end = page.findIndex(({ digest }) => digest === last);
    return { ...turn, judged: end === -1 ? page : page.slice(0, end + 1) };
  }

  /** Returns why an evaluated image stays, or null. */
  protection(walk: Walk, image: Found): Protection | null {
    if (image.isPart) return null;
    return protectionOf(this.#policy, walk.limits, image, { ...this.#times, now: walk.now });
  }

  #look({ now, phase }: Walk): Look {
    const pulls = phase === "judge" && countsUse(this.#policy);
    return { repository: this.#repository, since: now, pulls };
  }

  #survey(walk: Walk, page: readonly Found[]): Turn {
    let { limits } = walk;
    for (const found of page) if (!found.isPart) limits = survey(this.#policy, limits, found);
    const isOver = page.length < this.#bounds.page || areKnown(limits);
    const next: Walk = isOver
      ? { ...walk, limits, phase: "judge", after: null }
      : { ...walk, limits, after: positionOf(page.at(-1)) };
    return { walk: next, leaving: [], judged: [] };
  }

  async #judge(walk: Walk, page: readonly Found[], most: number) {
    const times = { ...this.#times, now: walk.now };
    const verdictOf = (found: Found) => judge(this.#policy, walk.limits, found, times);
    const going: { image: Found; verdict: Verdict }[] = [];
    let last: Found | undefined;
    for (const image of page) {
      if (going.length === most) break;
      last = image;
      if (image.isPart) continue;
      const verdict = verdictOf(image);
      if (verdict.rule !== null) going.push({ image, verdict });
    }
    const isOver = page.length < this.#bounds.page && last === page.at(-1);
    const next: Walk = isOver
      ? { ...walk, phase: "done", after: null }
      : { ...walk, after: positionOf(last) };
    if (going.length === 0) return { walk: next, leaving: [] };
    const look = this.#look(walk);
    const roots = going.map(({ image }) => image.digest);
    const families = await this.#index.families(look, roots);
    const images = going.map((one) => ({ ...one, family: families.get(one.image.digest) ?? [] }));
    const found = await this.#known(look, page, [...families.values()].flat());
    const all = plan(images, { found, judge: verdictOf, times });
    const leaving = firstOf(all, this.#bounds.rows);
    if (leaving.length === all.length) return { walk: next, leaving };
    // The next step evaluates the others again.
    return { walk: { ...walk, after: positionOf(leaving.at(-1)?.image) }, leaving };
  }

  /** Returns the page and the attachments, with the manifests that refer to these, several levels up. */
  async #known(
    look: Look,
    page: readonly Found[],
    families: readonly Found[],
  ): Promise<ReadonlyMap<Digest, Found>> {
    const known = new Map([...page, ...families].map((found) => [found.digest, found]));
    // A manifest on the page may belong to one that was evaluated before and is not on it.
    const owners = new Set(families.flatMap(({ owners: some }) => some ?? []));
    for (let i = 0; i < MAX_LOOKUPS; i++) {
      for (const owner of owners) {
        for (const above of known.get(owner)?.owners ?? []) owners.add(above);
      }
      const unknown = [...owners].filter((owner) => !known.has(owner)).slice(0, MAX_OWNERS);
      if (unknown.length === 0) break;
      for (const found of await this.#index.find(look, unknown)) known.set(found.digest, found);
    }
    return known;
  }
}

/** Returns the first images with at most `rows` rows together, but always one. */
function firstOf(all: readonly Leaving[], rows: number): readonly Leaving[] {
  let left = rows;
  const end = all.findIndex(({ image, parts }) => {
    for (const { tags } of [image, ...parts]) left -= 1 + tags.length;
    return left < 0;
  });
  return end === -1 ? all : all.slice(0, Math.max(end, 1));
}

function positionOf(found: Found | undefined): Position | null {
  return found === undefined ? null : [found.pushedAt, found.digest];
}
