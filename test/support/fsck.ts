/** fsck over a test's database and bucket. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { BlobRepairStore } from "../../src/fsck/blob-store.ts";
import { Bucket } from "../../src/db/bucket.ts";
import { FsckStore } from "../../src/fsck/store.ts";
import { ManifestRepairStore } from "../../src/fsck/manifest-store.ts";
import { Fsck, START, type Step } from "../../src/fsck/fsck.ts";
import type { Finding } from "../../src/fsck/findings.ts";
import type { StepOptions } from "../../src/fsck/phase.ts";
import type { BackgroundFsck } from "../../src/fsck/background.ts";
import { turn } from "./jobs.ts";

const HOUR = 3_600_000;

export const REPAIRER = {
  actor: "admin",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "fsck",
};

export interface FsckSetup {
  readonly db?: D1Database;
  readonly bucket?: R2Bucket;
  /** The age, in milliseconds, from which unexplained objects are reported. */
  readonly orphan?: number;
}

export function newFsck({ db = env.DB, bucket = env.BLOBS, orphan = 48 * HOUR }: FsckSetup = {}) {
  const stores = {
    index: new FsckStore(db),
    blobs: new BlobRepairStore(db),
    manifests: new ManifestRepairStore(db),
    bucket: new Bucket(bucket),
  };
  return new Fsck(stores, { orphan, trash: 168 * HOUR });
}

const LOOK: StepOptions = { hash: Number.MAX_SAFE_INTEGER, beyond: "metadata", repair: null };

/** Runs every step, from the beginning to the end. */
export async function stepsOf(fsck: Fsck, options: Partial<StepOptions> = {}): Promise<Step[]> {
  const steps: Step[] = [];
  for (let at: Step["next"] = START; at !== null; at = steps.at(-1)?.next ?? null) {
    steps.push(await fsck.step(at, { ...LOOK, ...options }));
  }
  return steps;
}

export async function findings(
  setup: FsckSetup = {},
  options: Partial<StepOptions> = {},
): Promise<Finding[]> {
  return (await stepsOf(newFsck(setup), options)).flatMap((step) => step.findings);
}

/** Checks everything, every byte included, and must find nothing. */
export async function expectSound(setup: FsckSetup = {}): Promise<void> {
  expect(await findings(setup)).toEqual([]);
}

/** A turn of the background check at a time, in milliseconds since 1970. */
export async function tick(job: BackgroundFsck, now: number): Promise<void> {
  const { name, leaseMs, maxSteps } = job;
  await turn({ name, leaseMs, maxSteps, advance: (lease: Lease) => job.advance(lease, now) });
}

type Lease = Parameters<BackgroundFsck["advance"]>[0];
