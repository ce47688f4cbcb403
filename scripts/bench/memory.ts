/** Memory of five large layers at once: the budget of buffers, and the growth of the process. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Body, makeBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import { memoryOf, resetPeak } from "./processes.ts";
import { BARE, SLIPWAY, startSubjects, type Subjects } from "./subjects.ts";
import type { Subject } from "./subject.ts";
import type { Row } from "./table.ts";
import {
  barePullUrl,
  openRepository,
  pullUrl,
  type Push,
  pushAsDocker,
  pushBareMultipart,
  verify,
} from "./transfers.ts";

export interface Growth {
  readonly name: string;
  /** Bytes resident before, with warm code, and the most during the uploads. */
  readonly baseline: number;
  readonly peak: number;
  readonly seconds: number;
  /** Bytes resident, every SAMPLE_MS. */
  readonly samples: readonly number[];
}

export interface MemoryResult {
  readonly uploads: number;
  readonly size: number;
  /** The most bytes that bodies held at once, by Slipway's own count. */
  readonly peakBuffers: number;
  readonly limit: number;
  readonly slipway: Growth;
  readonly bare: Growth;
}

const UPLOADS = 5;
const SAMPLE_MS = 100;
/**
 * The most bytes that buffers may hold at once, of an isolate's 128 MB
 * (developers.cloudflare.com/workers/platform/limits).
 */
const LIMIT = 64 * 1024 * 1024;
/** Enough for some parts: code and simulators have started when the baseline is taken. */
const WARM_UP = 24 * 1024 * 1024;

interface Uploader {
  readonly name: string;
  readonly workerd: number;
  readonly size: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly push: (one: Push) => Promise<void>;
  readonly url: (digest: string) => string;
}

/** Measures with two fresh servers, which no earlier work has grown. */
export async function measureMemory(size: number): Promise<MemoryResult> {
  const subjects = await startSubjects([], []);
  try {
    return await measure(subjects, size);
  } finally {
    await subjects.stop();
  }
}

async function measure({ slipway, bare }: Subjects, size: number): Promise<MemoryResult> {
  const repository = await openRepository(slipway, "bench/memory");
  const ours = await growth({
    name: SLIPWAY,
    workerd: slipway.workerd(),
    size,
    headers: repository.headers,
    push: (one) => pushAsDocker(repository, one),
    url: (digest) => pullUrl(repository, digest),
  });
  const theirs = await growth({
    name: `${BARE}, multipart loop`,
    workerd: bare.workerd(),
    size,
    headers: {},
    push: (one) => pushBareMultipart(bare, one),
    url: (digest) => barePullUrl(bare, digest),
  });
  const peakBuffers = loggedPeak(slipway);
  return { uploads: UPLOADS, size, peakBuffers, limit: LIMIT, slipway: ours, bare: theirs };
}

async function growth(uploader: Uploader): Promise<Growth> {
  const { name, workerd, size, push, url, headers } = uploader;
  await withConnection((send) => push({ body: makeBody(WARM_UP), send }));
  await sleep(1000);
  const bodies = Array.from({ length: UPLOADS }, () => makeBody(size));
  const baseline = memoryOf(workerd).resident;
  resetPeak(workerd);
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(memoryOf(workerd).resident), SAMPLE_MS);
  const began = performance.now();
  try {
    await Promise.all(bodies.map((body) => withConnection((send) => push({ body, send }))));
  } finally {
    clearInterval(sampler);
  }
  const seconds = (performance.now() - began) / 1000;
  const peak = Math.max(memoryOf(workerd).peak, ...samples);
  const grown = ((peak - baseline) / 1024 ** 2).toFixed(0);
  console.log(`memory ${name}: ${seconds.toFixed(1)} s, grew by ${grown} MiB`);
  const [body] = bodies as [Body];
  await withConnection((send) => verify({ send, url: url(body.digest), headers }, body));
  return { name, baseline, peak, seconds, samples };
}

function loggedPeak(slipway: Subject): number {
  const log = readFileSync(slipway.log(), "utf8");
  const peaks = [...log.matchAll(/"peakBuffers":(\d+)/g)].map(([, peak]) => Number(peak));
  if (peaks.length === 0) throw new Error("the log has no peakBuffers");
  return Math.max(...peaks);
}

export function memoryRows({ peakBuffers, limit, slipway, bare }: MemoryResult): readonly Row[] {
  const row = (what: string, of: (one: Growth) => string): Row => [
    what,
    of(slipway),
    of(bare),
    "",
    "",
  ];
  const missed = peakBuffers > limit ? "missed" : "";
  return [
    ["what", slipway.name, bare.name, "target", ""],
    ["buffers in use at once", mebibytes(peakBuffers), "", `≤ ${mebibytes(limit)}`, missed],
    row("workerd before", ({ baseline }) => mebibytes(baseline)),
    row("workerd at its peak", ({ peak }) => mebibytes(peak)),
    row("growth", ({ peak, baseline }) => mebibytes(peak - baseline)),
    row("of that, after half the time", (one) => mebibytes(lateGrowth(one))),
    row("time", ({ seconds }) => `${seconds.toFixed(1)} s`),
  ];
}

/** Returns how far the second half's peak is above the first's: almost nothing with bounded buffers. */
function lateGrowth({ samples }: Growth): number {
  const half = Math.ceil(samples.length / 2);
  return Math.max(0, Math.max(...samples.slice(half)) - Math.max(...samples.slice(0, half)));
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
}
