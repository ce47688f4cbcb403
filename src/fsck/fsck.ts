import { RegistryError } from "../oci/errors.ts";
import type { Place } from "./row.ts";
import type { Finding } from "./findings.ts";
import { checkManifests } from "./manifests.ts";
import { checkBlobs, checkObjects } from "./objects.ts";
import type { FsckAges, Phase, StepOptions, Stores } from "./phase.ts";
import { type PhaseName, PHASES } from "./phases.ts";
import { checkTrashed, checkLinks, checkTags, checkUsages, checkCounts } from "./rows.ts";

const CHECKS = {
  manifests: checkManifests,
  tags: checkTags,
  links: checkLinks,
  trashed: checkTrashed,
  blobs: checkBlobs,
  counts: checkCounts,
  usage: checkUsages,
  objects: checkObjects,
} satisfies Record<PhaseName, Phase>;

/** The cursor of a run. */
export interface Cursor extends Place {
  readonly phase: PhaseName;
}

export const START: Cursor = { phase: "manifests", repository: 0, name: "" };

export interface Step {
  readonly phase: PhaseName;
  readonly findings: readonly Finding[];
  /** The cursor of the next step; null at the end. */
  readonly next: Cursor | null;
  /** Rows and objects that were checked. */
  readonly checked: number;
  /** Bytes that were hashed, and objects that are too large for it. */
  readonly bytes: number;
  readonly unhashed: number;
}

/**
 * Compares the index with itself and with the bytes, in bounded steps, while the registry is in use. It never reports
 * something whole as broken: rows are compared as one statement sees them, and an object that looks wrong is read
 * again. A repair changes rows alone, and never deletes an object.
 */
export class Fsck {
  readonly #stores: Stores;
  readonly #ages: FsckAges;

  constructor(stores: Stores, ages: FsckAges) {
    this.#stores = stores;
    this.#ages = ages;
  }

  /** Runs one step. @throws CONFLICT while an import is running, as most rows are not in the index then */
  async step(from: Cursor, options: StepOptions): Promise<Step> {
    const { phase } = from;
    const work = { ...this.#stores, ages: this.#ages, options };
    if (await this.isImporting()) throw importing();
    const { next, ...done } = await CHECKS[phase](from, work);
    // An import may have begun in the meantime.
    if (done.findings.length > 0 && (await this.isImporting())) throw importing();
    return { ...done, phase, next: next === null ? following(phase) : { phase, ...next } };
  }

  isImporting(): Promise<boolean> {
    return this.#stores.index.isImporting();
  }

  /** Returns the cursor after a page that cannot be checked: after its namespace, or else the next phase. */
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
