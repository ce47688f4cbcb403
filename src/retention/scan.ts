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

/** How far a policy has been carried out in a repository: what has to be remembered between two steps. */
export interface Scan {
  /** When it began; ages are counted to this moment. */
  readonly now: number;
  /** First all images are looked at for the rules that count, then each is judged. */
  readonly phase: "count" | "evaluate" | "done";
  readonly after: Position | null;
  readonly limits: Limits;
}

export interface Batch {
  readonly scan: Scan;
  readonly expiring: readonly ExpiringImage[];
  /** What it has come to know of, in the phase in which images are judged. */
  readonly evaluated: readonly Found[];
}

export interface Bounds {
  /** Manifests that one step looks at. */
  readonly page: number;
  /** Images that it lets go. */
  readonly expiring: number;
  /** Manifests and tags that go with them, if these are those of more than one image. */
  readonly rows: number;
}

export const BOUNDS: Bounds = { page: 200, expiring: 50, rows: 1_000 };
/** Owners that lie outside of a page, looked up in one go, and owners of owners. */
const MAX_REFERENCING = 500;
const MAX_LOOKUPS = 3;

export function beginScan(policy: RetentionPolicy, now: number): Scan {
  const limits = beginLimits(policy);
  return { now, phase: areKnown(limits) ? "evaluate" : "count", after: null, limits };
}

/** Whether it matters to the policy what is in use. */
export function countsUse({ rules }: RetentionPolicy): boolean {
  return rules.some(
    ({ count }) => count?.type === "sinceImagePulled" || count?.type === "pulledWithin",
  );
}

/** Goes through the images of one repository by one policy. It changes nothing, but says what is to go. */
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

  /** One page further, or as far as so many images that go. */
  async step(scan: Scan, most = Infinity): Promise<Batch> {
    if (scan.phase === "done") return { scan, expiring: [], evaluated: [] };
    const page = await this.#index.page(this.#look(scan), scan.after, this.#bounds.page);
    if (scan.phase === "count") return this.#countPass(scan, page);
    const batch = await this.#evaluate(scan, page, Math.min(most, this.#bounds.expiring));
    const last = batch.scan.after?.[1];
    const end = page.findIndex(({ digest }) => digest === last);
    return { ...batch, evaluated: end === -1 ? page : page.slice(0, end + 1) };
  }

  /** What keeps an image that was judged. */
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
    // The others are judged again by the next step.
    return { scan: { ...scan, after: positionOf(expiring.at(-1)?.image) }, expiring };
  }

  /** The page and the families, with what else their parts belong to, and what those are part of. */
  async #known(
    look: PageQuery,
    page: readonly Found[],
    families: readonly Found[],
  ): Promise<ReadonlyMap<Digest, Found>> {
    const known = new Map([...page, ...families].map((found) => [found.digest, found]));
    // An owner may be on the page while its own owners, which were judged before, are not.
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

/** As many images as have so many rows together, but one at least. */
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
