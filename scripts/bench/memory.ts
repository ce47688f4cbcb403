/** Five large layers at once: what the budget of buffers counts, and by how much the process grows. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Body, makeBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import { memoryOf, resetPeak } from "./processes.ts";
import { type Slipway, startSubjects, type Subjects } from "./subjects.ts";
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
  /** Bytes resident before, with the code warm, and the most while the uploads ran. */
  readonly baseline: number;
  readonly peak: number;
  readonly seconds: number;
  /** Bytes resident, every SAMPLE_MS. */
  readonly samples: readonly number[];
}

export interface MemoryResult {
  readonly uploads: number;
  readonly size: number;
  /** Slipway's own count of the buffers that were in use at once. */
  readonly peakBuffers: number;
  readonly limit: number;
  readonly slipway: Growth;
  readonly bare: Growth;
}

const UPLOADS = 5;
const SAMPLE_MS = 100;
/** Rule 7 of the design. */
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

/** Both servers are fresh, so that nothing that ran before has grown them already. */
export async function measureMemory(size: number): Promise<MemoryResult> {
  const subjects = await startSubjects();
  try {
    return await measure(subjects, size);
  } finally {
    await subjects.stop();
  }
}

async function measure({ slipway, bare }: Subjects, size: number): Promise<MemoryResult> {
  const repository = await openRepository(slipway, "bench/memory");
  const ours = await growth({
    name: "slipway",
    workerd: slipway.workerd,
    size,
    headers: repository.headers,
    push: (one) => pushAsDocker(repository, one),
    url: (digest) => pullUrl(repository, digest),
  });
  const theirs = await growth({
    name: "bare multipart loop",
    workerd: bare.workerd,
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

function loggedPeak({ log }: Slipway): number {
  const peaks = log.flatMap((line) => {
    const peak = /"peakBuffers":(\d+)/.exec(line)?.[1];
    return peak === undefined ? [] : [Number(peak)];
  });
  if (peaks.length === 0) throw new Error("the log has no peakBuffers");
  return Math.max(...peaks);
}
