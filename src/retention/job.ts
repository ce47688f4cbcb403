import type { Digest } from "../oci/digest.ts";
import { type RetentionPolicy, parsePolicy } from "./policy.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { AuditEntry } from "../db/audit.ts";
import type { Expiring } from "./deletion-store.ts";
import type { JobStore } from "../db/jobs.ts";
import type { Job, Lease, Step } from "../jobs/job.ts";
import type { Found, RetentionStore } from "./store.ts";
import type { Run, RunStore } from "./run-store.ts";
import { type ExpiringImage, depthsOf } from "./attachments.ts";
import { grouped, type ProtectedGroup, type Protection } from "./protection.ts";
import { beginScan, BOUNDS, type Bounds, countsUse, type Scan, Scanner } from "./scan.ts";

const JOB = "retention";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/**
 * The most that a tick may cost: a page is 1, a deletion of images 10. D1 allows a Worker 1,000 statements at a time.
 */
const BUDGET = 200;
const COST_OF_EXPIRY = 10;
/** The most pages of one repository before another one's turn, and of one preview's answer. */
const MAX_PAGES = 20;
/** Milliseconds after which no page is begun, as many patterns take long. A Worker's clock advances with each I/O. */
const MAX_TIME = { tick: 30_000, batch: 5_000 };

interface State extends Scan {
  /** The time of the last deletion, in milliseconds since 1970. */
  readonly lastDeletedAt?: number | undefined;
}

/** Steps of runs that were done. */
export interface Expired {
  /** Steps that were taken. */
  readonly steps: number;
  /** Images to delete, including those that were kept at the last moment. */
  readonly images: number;
  /** Repositories that were scanned to the end. */
  readonly ended: number;
}

export interface Preview {
  readonly expiring: readonly ExpiringImage[];
  /** The bytes that nothing else in the repository needs; null if they are too many to add up. */
  readonly freed: number | null;
  readonly kept: readonly ProtectedGroup[];
  readonly next: Scan | null;
}

/** The state of the job: since when uses are known, in milliseconds since 1970. */
interface JobState {
  readonly usesSince: number;
}

/** Carries out retention policies, in bounded steps: about once a day in each repository that has one. */
export class Retention implements Job<JobState> {
  readonly name = JOB;
  readonly leaseMs = 600_000;
  readonly maxSteps = 1;
  readonly #index: RetentionStore;
  readonly #runs: RunStore;
  readonly #jobs: JobStore;
  readonly #grace: number;
  readonly #bounds: Bounds;

  /** @param grace the grace period after a push, in milliseconds */
  constructor(
    { index, runs, jobs }: { index: RetentionStore; runs: RunStore; jobs: JobStore },
    grace: number,
    bounds: Bounds = BOUNDS,
  ) {
    this.#index = index;
    this.#runs = runs;
    this.#jobs = jobs;
    this.#grace = grace;
    this.#bounds = bounds;
  }

  async advance(lease: Lease<JobState>): Promise<Step<JobState>> {
    const state = { usesSince: lease.state.usesSince ?? Date.now() };
    if (lease.state.usesSince === undefined) await lease.save(state);
    await this.run(state.usesSince);
    // What is left waits for the cron: policies are their authors' doing, and others come first.
    return { state, more: false };
  }

  /**
   * Takes steps of due repositories, as many as one tick of the cron may cost.
   * @throws AggregateError of what failed, once the other repositories had their turns
   */
  async run(usesSince: number): Promise<Expired> {
    const done = { steps: 0, images: 0, ended: 0 };
    const failures: unknown[] = [];
    const end = Date.now() + MAX_TIME.tick;
    let left = BUDGET;
    while (left > 0 && (await this.#runs.clearBacklog())) left--;
    while (left > 0 && Date.now() < end) {
      const run = await this.#runs.due();
      if (run === null) break;
      left--;
      // The repository is postponed first: one that kills the Worker, which no catch sees, must not block the others.
      await this.#runs.postpone(run, HOUR);
      try {
        const batch = await this.step(run, usesSince, left);
        left -= batch.cost;
        done.steps++;
        done.images += batch.images;
        if (batch.ended) done.ended++;
      } catch (error) {
        // Postponed again, since the step may have set the next run to now before it failed.
        failures.push(error);
        await this.#runs.postpone(run, HOUR);
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `retention: ${failures.join("; ")}`);
    return done;
  }

  /** Scans pages of one repository until images are to be deleted; their deletion and the progress are one batch. */
  async step(
    run: Run,
    usesSince: number,
    budget = MAX_PAGES,
  ): Promise<{ readonly cost: number; readonly images: number; readonly ended: boolean }> {
    const nothing = { cost: 1, images: 0, ended: false };
    if (run.isDeleted) {
      await this.#runs.postpone(run, DAY);
      return nothing;
    }
    if (run.inForce === null) {
      await this.#runs.forget(run);
      return nothing;
    }
    const policy = parsePolicy(JSON.parse(run.inForce));
    if (run.state === null || run.policy !== run.inForce) {
      const state = beginScan(policy, Date.now());
      await this.#runs.restart(run, { policy: run.inForce, state, nextAt: Date.now() });
      return nothing;
    }
    const scanner = this.#scanner(run.id, policy, usesSince);
    let scan = JSON.parse(run.state) as State;
    let expiring: readonly ExpiringImage[] = [];
    let cost = 1;
    const end = Date.now() + MAX_TIME.batch;
    const most = Math.min(budget, MAX_PAGES);
    while (scan.phase !== "done" && expiring.length === 0 && cost < most && Date.now() < end) {
      const batch = await scanner.step(scan);
      ({ scan, expiring } = batch);
      cost++;
    }
    if (scan.phase === "done" && expiring.length === 0) {
      await this.#runs.finish(run, scan.now);
      return { cost, images: 0, ended: true };
    }
    const progress = { policy: run.inForce, state: scan, nextAt: Date.now() };
    if (expiring.length === 0) {
      await this.#runs.save(run, progress, null);
      return { cost, images: 0, ended: false };
    }
    const expiry = {
      ...expiryOf(expiring, run.repository, scan.lastDeletedAt ?? 0),
      byUse: countsUse(policy),
    };
    const state = { ...scan, lastDeletedAt: expiry.manifests.at(-1)?.at };
    await this.#runs.save(run, { ...progress, state }, expiry);
    return { cost: cost + COST_OF_EXPIRY, images: expiring.length, ended: false };
  }

  #scanner(repository: number, policy: RetentionPolicy, usesSince: number): Scanner {
    const times = { grace: this.#grace, usesSince };
    return new Scanner(this.#index, { repository, policy }, times, this.#bounds);
  }

  /**
   * Finds what a policy would delete if it were carried out now; nothing is deleted.
   * @param scan the cursor: where the last page ended, or null for the first
   * @returns at most `limit` images, what keeps others that the rules select, and the next cursor, or null at the end.
   * A page may be empty without being the last
   */
  async preview(
    repository: number,
    policy: RetentionPolicy,
    scan: Scan | null,
    limit: number,
  ): Promise<Preview> {
    const state = await this.#jobs.state<JobState>(JOB);
    const scanner = this.#scanner(repository, policy, state?.usesSince ?? Date.now());
    const expiring: ExpiringImage[] = [];
    const kept: { image: Found; protection: Protection }[] = [];
    let next = scan ?? beginScan(policy, Date.now());
    const end = Date.now() + MAX_TIME.batch;
    for (let i = 0; i < MAX_PAGES && next.phase !== "done" && expiring.length < limit; i++) {
      if (i > 0 && Date.now() >= end) break;
      const batch = await scanner.step(next, limit - expiring.length);
      expiring.push(...batch.expiring);
      for (const image of batch.evaluated) {
        const protection = scanner.protection(next, image);
        if (protection !== null) kept.push({ image, protection });
      }
      next = batch.scan;
    }
    const going = expiring.flatMap(({ image, attachments }) => [image, ...attachments]);
    const freed = await this.#index.freed(
      repository,
      going.map(({ digest }) => digest),
    );
    return { expiring, freed, kept: grouped(kept), next: next.phase === "done" ? null : next };
  }
}

/** Makes the deletions of a plan, and their audit entries. */
function expiryOf(expiring: readonly ExpiringImage[], repository: RepositoryName, after: number) {
  const depths = depthsOf(expiring);
  // Later than all times of the batch before, so that each image has a time of its own.
  const first = Math.max(Date.now(), after + 1);
  const manifests = expiring.flatMap(({ image, attachments }, i): Expiring[] =>
    [image, ...attachments].map(({ digest, pushedAt, usedOn, tags }) => ({
      digest,
      root: image.digest,
      depth: depths.get(digest) ?? 0,
      at: first + i,
      pushedAt,
      usedOn,
      tags,
    })),
  );
  return { manifests, entries: expiring.map((one) => entryOf(one, repository)) };
}

const MAX_DETAIL = 500;

function entryOf(
  { image, decision, attachments }: ExpiringImage,
  repository: RepositoryName,
): AuditEntry & { readonly digest: Digest } {
  const { rule, reason } = decision;
  const said = rule === null || rule.description === "" ? "" : ` (${rule.description})`;
  const others = attachments.length === 0 ? "" : `, with ${attachments.length} that belong to it`;
  return {
    action: "manifest.expire",
    repository,
    digest: image.digest,
    ...(image.tags.length === 0 ? {} : { reference: image.tags.join(",") }),
    detail: `rule ${rule?.priority ?? ""}: ${reason}${others}${said}`.slice(0, MAX_DETAIL),
  };
}
