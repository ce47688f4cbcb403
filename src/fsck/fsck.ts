import { RegistryError } from "../oci/errors.ts";
import type { Place } from "./row.ts";
import type { Finding } from "./findings.ts";
import { checkManifests } from "./manifests.ts";
import { checkBlobs, checkObjects } from "./objects.ts";
import type { FsckAges, Phase, StepOptions, Stores } from "./phase.ts";
import { checkKept, checkLinks, checkTags, checkUsages, checkWeights } from "./rows.ts";

/**
 * In their order: what manifests name is linked again before a blob that nobody holds is let go, and what is counted is put
 * right before it is added up.
 */
const CHECKS = {
  manifests: checkManifests,
  tags: checkTags,
  links: checkLinks,
  kept: checkKept,
  blobs: checkBlobs,
  weights: checkWeights,
  usage: checkUsages,
  objects: checkObjects,
} satisfies Record<string, Phase>;

export type PhaseName = keyof typeof CHECKS;
export const PHASES = Object.keys(CHECKS) as readonly PhaseName[];

/** Where a run stands. */
export interface Cursor extends Place {
  readonly phase: PhaseName;
}

export const START: Cursor = { phase: "manifests", repository: 0, name: "" };

export interface Step {
  readonly phase: PhaseName;
  readonly findings: readonly Finding[];
  /** Where the next step goes on; null at the end. */
  readonly next: Cursor | null;
  /** Rows and objects that were looked at. */
  readonly checked: number;
  /** Bytes that were hashed, and objects that are too large to be. */
  readonly bytes: number;
  readonly unhashed: number;
}

/**
 * Compares the index with itself and with the bytes, a bounded step at a time, while the registry is in use. It never says
 * of something whole that it is broken: rows are compared as one statement sees them, and an object that looks wrong is
 * looked at again. A repair changes rows alone, and never deletes an object.
 */
export class Fsck {
  readonly #stores: Stores;
  readonly #ages: FsckAges;

  constructor(stores: Stores, ages: FsckAges) {
    this.#stores = stores;
    this.#ages = ages;
  }

  /** @throws CONFLICT while an import is under way, as most of what there is is not in the index then */
  async step(from: Cursor, options: StepOptions): Promise<Step> {
    const { phase } = from;
    const work = { ...this.#stores, ages: this.#ages, options };
    if (await this.isImporting()) throw importing();
    const { next, ...done } = await CHECKS[phase](from, work);
    // It may have begun meanwhile.
    if (done.findings.length > 0 && (await this.isImporting())) throw importing();
    return { ...done, phase, next: next === null ? following(phase) : { phase, ...next } };
  }

  isImporting(): Promise<boolean> {
    return this.#stores.index.isImporting();
  }

  /** Where to go on if a page cannot be checked: after its namespace, or else with the next phase. */
  async pass({ phase, name }: Cursor): Promise<Cursor | null> {
    const { index } = this.#stores;
    const bad = phase === "usage" ? await index.namespaceAfter(name) : null;
    const isLast = bad === null || (await index.namespaceAfter(bad)) === null;
    return isLast ? following(phase) : { phase, repository: 0, name: bad };
  }
}

function following(phase: PhaseName): Cursor | null {
  const next = PHASES[PHASES.indexOf(phase) + 1];
  return next === undefined ? null : { ...START, phase: next };
}

function importing(): RegistryError {
  return new RegistryError("CONFLICT", {
    message:
      "an import is under way, and until it is done the index does not say what there is: let slipway import come to its end first",
  });
}
