import type { Digest } from "../oci/digest.ts";
import type { RetentionPolicy } from "./policy.ts";
import type { Found, PageQuery, Position, RetentionStore } from "./store.ts";
import { type ExpiringImage, plan } from "./attachments.ts";
import { type Protection, protectionOf } from "./protection.ts";
import {
  areKnown,
  beginLimits,
  evaluate,
  type Limits,
  countPass,
  type Times,
  type Decision,
} from "./evaluate.ts";

/** The progress of a policy in a repository: all that is stored between two steps. */
export interface Scan {
  /** When the run began, in milliseconds since 1970; ages are measured to this time. */
  readonly now: number;
  /** A first pass counts all images for the rules that count; the second evaluates each. */
  readonly phase: "count" | "evaluate" | "done";
  readonly after: Position | null;
  readonly limits: Limits;
}

export interface Batch {
  readonly scan: Scan;
  readonly expiring: readonly ExpiringImage[];
  /** The manifests that were evaluated. */
  readonly evaluated: readonly Found[];
}

export interface Bounds {
  /** Manifests that one step reads. */
  readonly page: number;
  /** Images that one step deletes. */
  readonly expiring: number;
  /** Manifests and tags deleted with them; only a single image may exceed this. */
  readonly rows: number;
}

export const BOUNDS: Bounds = { page: 200, expiring: 50, rows: 1_000 };
/** The most referencing manifests outside the page that one query reads, and how many levels of these are followed. */
const MAX_REFERENCING = 500;
const MAX_LOOKUPS = 3;

export function beginScan(policy: RetentionPolicy, now: number): Scan {
  const limits = beginLimits(policy);
  return { now, phase: areKnown(limits) ? "evaluate" : "count", after: null, limits };
}

/** Returns whether the policy depends on use. */
export function countsUse({ rules }: RetentionPolicy): boolean {
  return rules.some(
    ({ count }) => count?.type === "sinceImagePulled" || count?.type === "pulledWithin",
  );
}

/** Scans the images of one repository by one policy. It deletes nothing, but returns what to delete. */
export class Scanner {
  readonly #index: RetentionStore;
  readonly #policy: RetentionPolicy;
  readonly #repository: number;
  readonly #times: Omit<Times, "now">;
  readonly #bounds: Bounds;

  constructor(
    index: RetentionStore,
    subject: { readonly repository: number; readonly policy: RetentionPolicy },
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
  async step(scan: Scan, most = Infinity): Promise<Batch> {
    if (scan.phase === "done") return { scan, expiring: [], evaluated: [] };
    const page = await this.#index.page(this.#look(scan), scan.after, this.#bounds.page);
    if (scan.phase === "count") return this.#countPass(scan, page);
    const batch = await this.#evaluate(scan, page, Math.min(most, this.#bounds.expiring));
    const last = batch.scan.after?.[1];
    const end = page.findIndex(({ digest }) => digest === last);
    return { ...batch, evaluated: end === -1 ? page : page.slice(0, end + 1) };
  }

  /** Returns why an evaluated image stays, or null. */
  protection(scan: Scan, image: Found): Protection | null {
    if (image.isPart) return null;
    return protectionOf(this.#policy, scan.limits, image, { ...this.#times, now: scan.now });
  }

  #look({ now, phase }: Scan): PageQuery {
    const pulls = phase === "evaluate" && countsUse(this.#policy);
    return { repository: this.#repository, since: now, pulls };
  }

  #countPass(scan: Scan, page: readonly Found[]): Batch {
    let { limits } = scan;
    for (const found of page) if (!found.isPart) limits = countPass(this.#policy, limits, found);
    const isOver = page.length < this.#bounds.page || areKnown(limits);
    const next: Scan = isOver
      ? { ...scan, limits, phase: "evaluate", after: null }
      : { ...scan, limits, after: positionOf(page.at(-1)) };
    return { scan: next, expiring: [], evaluated: [] };
  }

  async #evaluate(scan: Scan, page: readonly Found[], most: number) {
    const times = { ...this.#times, now: scan.now };
    const decisionOf = (found: Found) => evaluate(this.#policy, scan.limits, found, times);
    const going: { image: Found; decision: Decision }[] = [];
    let last: Found | undefined;
    for (const image of page) {
      if (going.length === most) break;
      last = image;
      if (image.isPart) continue;
      const decision = decisionOf(image);
      if (decision.rule !== null) going.push({ image, decision });
    }
    const isOver = page.length < this.#bounds.page && last === page.at(-1);
    const next: Scan = isOver
      ? { ...scan, phase: "done", after: null }
      : { ...scan, after: positionOf(last) };
    if (going.length === 0) return { scan: next, expiring: [] };
    const look = this.#look(scan);
    const roots = going.map(({ image }) => image.digest);
    const families = await this.#index.families(look, roots);
    const images = going.map((one) => ({
      ...one,
      attachments: families.get(one.image.digest) ?? [],
    }));
    const found = await this.#known(look, page, [...families.values()].flat());
    const all = plan(images, { found, evaluate: decisionOf, times });
    const expiring = firstOf(all, this.#bounds.rows);
    if (expiring.length === all.length) return { scan: next, expiring };
    // The next step evaluates the others again.
    return { scan: { ...scan, after: positionOf(expiring.at(-1)?.image) }, expiring };
  }

  /** Returns the page and the attachments, with the manifests that refer to these, several levels up. */
  async #known(
    look: PageQuery,
    page: readonly Found[],
    families: readonly Found[],
  ): Promise<ReadonlyMap<Digest, Found>> {
    const known = new Map([...page, ...families].map((found) => [found.digest, found]));
    // A manifest on the page may belong to one that was evaluated before and is not on it.
    const referencedBy = new Set(families.flatMap(({ referencedBy: some }) => some ?? []));
    for (let i = 0; i < MAX_LOOKUPS; i++) {
      for (const owner of referencedBy) {
        for (const above of known.get(owner)?.referencedBy ?? []) referencedBy.add(above);
      }
      const unknown = [...referencedBy]
        .filter((owner) => !known.has(owner))
        .slice(0, MAX_REFERENCING);
      if (unknown.length === 0) break;
      for (const found of await this.#index.find(look, unknown)) known.set(found.digest, found);
    }
    return known;
  }
}

/** Returns the first images with at most `rows` rows together, but always one. */
function firstOf(all: readonly ExpiringImage[], rows: number): readonly ExpiringImage[] {
  let left = rows;
  const end = all.findIndex(({ image, attachments }) => {
    for (const { tags } of [image, ...attachments]) left -= 1 + tags.length;
    return left < 0;
  });
  return end === -1 ? all : all.slice(0, Math.max(end, 1));
}

function positionOf(found: Found | undefined): Position | null {
  return found === undefined ? null : [found.pushedAt, found.digest];
}
