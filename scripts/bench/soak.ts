/**
 * 64 clients pull different blobs while 8 push, for minutes, and every byte is checked. It records the answers, their
 * times, and the server's memory.
 */
import { once } from "node:events";
import { createHash, randomInt } from "node:crypto";
import { Agent, get, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Body, makeBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import { memoryOf } from "./processes.ts";
import { MIB } from "./size.ts";
import { type Registry, startSubjects } from "./subjects.ts";
import { openRepository, pullUrl, pushAsDocker, pushWhole } from "./transfers.ts";

const REPOSITORY = "bench/soak";
const PULLERS = 64;
const PUSHERS = 8;
/** Sizes of pulled blobs in MiB: as with layers, many are small and few large. */
const PULLED = [0.01, 0.1, 0.1, 1, 1, 1, 2, 4, 8, 16, 32];
const BLOBS = 64;
/** Sizes of pushed blobs in MiB. A pusher then waits, so that the disk holds what is pushed in three minutes. */
const PUSHED = [1, 4, 10, 20];
const PUSH_PAUSE_MS = 1000;
const MEMORY_MS = 5000;
/** Seconds after which the memory may not grow. */
const WARM_SECONDS = 120;
const SHOWN_FAILURES = 20;

interface Timing {
  readonly firstByte: number;
  readonly whole: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export interface SoakResult {
  readonly seconds: number;
  readonly pulls: number;
  readonly pushes: number;
  readonly bytesPulled: number;
  readonly bytesPushed: number;
  /** Milliseconds. */
  readonly firstByte: Percentiles;
  readonly whole: Percentiles;
  readonly push: Percentiles;
  /** Bytes of workerd's memory, every five seconds. */
  readonly memory: readonly number[];
  /** Bytes by which its peak after the second minute exceeds the one before; null in a shorter run. */
  readonly growth: number | null;
  /** Answers that were not 200 with the right bytes, and pushes that failed. */
  readonly failures: readonly string[];
}

export async function soak(seconds: number): Promise<SoakResult> {
  const subjects = await startSubjects([], []);
  try {
    return await run(subjects.slipway, seconds);
  } finally {
    await subjects.stop();
  }
}

async function run(slipway: Registry, seconds: number): Promise<SoakResult> {
  const bodies = Array.from({ length: BLOBS }, (_, i) =>
    makeBody(Math.round((PULLED[i % PULLED.length] ?? 1) * MIB)),
  );
  const to = await openRepository(slipway, REPOSITORY);
  await withConnection(async (send) => {
    for (const body of bodies) await pushWhole(to, { body, send });
  });
  const book = new Book();
  const workerd = slipway.workerd();
  const sampler = setInterval(() => book.memory.push(memoryOf(workerd).resident), MEMORY_MS);
  const agent = new Agent({ keepAlive: true, maxSockets: PULLERS });
  const deadline = Date.now() + seconds * 1000;
  const puller = async (_: unknown, first: number): Promise<void> => {
    for (let i = first; Date.now() < deadline; i = randomInt(BLOBS)) {
      const body = bodies[i % BLOBS];
      if (body !== undefined) await book.pulled(pull(slipway, agent, body), body);
    }
  };
  const pusher = async (): Promise<void> => {
    while (Date.now() < deadline) {
      const body = makeBody((PUSHED[randomInt(PUSHED.length)] ?? 1) * MIB);
      await book.pushed(push(slipway, body), body);
      await sleep(PUSH_PAUSE_MS);
    }
  };
  try {
    await Promise.all([
      ...Array.from({ length: PULLERS }, puller),
      ...Array.from({ length: PUSHERS }, pusher),
    ]);
  } finally {
    clearInterval(sampler);
    agent.destroy();
  }
  return book.result(seconds);
}

/** The record of what happened. */
class Book {
  readonly memory: number[] = [];
  readonly #pulls: Timing[] = [];
  readonly #pushes: number[] = [];
  readonly #failures: string[] = [];
  #bytesPulled = 0;
  #bytesPushed = 0;

  async pulled(one: Promise<Timing>, { size }: Body): Promise<void> {
    try {
      this.#pulls.push(await one);
      this.#bytesPulled += size;
    } catch (error) {
      this.#failures.push(String(error));
    }
  }

  async pushed(one: Promise<void>, { size }: Body): Promise<void> {
    const began = performance.now();
    try {
      await one;
      this.#pushes.push(performance.now() - began);
      this.#bytesPushed += size;
    } catch (error) {
      this.#failures.push(String(error));
    }
  }

  result(seconds: number): SoakResult {
    const warm = WARM_SECONDS * (1000 / MEMORY_MS);
    const { memory } = this;
    const late = memory.slice(warm);
    return {
      seconds,
      pulls: this.#pulls.length,
      pushes: this.#pushes.length,
      bytesPulled: this.#bytesPulled,
      bytesPushed: this.#bytesPushed,
      firstByte: percentiles(this.#pulls.map(({ firstByte }) => firstByte)),
      whole: percentiles(this.#pulls.map(({ whole }) => whole)),
      push: percentiles(this.#pushes),
      memory,
      growth: late.length === 0 ? null : Math.max(...late) - Math.max(...memory.slice(0, warm)),
      failures: this.#failures,
    };
  }
}

/** @throws unless the answer is 200 with every byte as it was pushed */
async function pull(slipway: Registry, agent: Agent, body: Body): Promise<Timing> {
  const headers = { ...(await slipway.headers(REPOSITORY)) };
  const url = pullUrl({ url: slipway.url, name: REPOSITORY }, body.digest);
  const began = performance.now();
  const [answer] = (await once(get(url, { agent, headers }), "response")) as [IncomingMessage];
  let firstByte = 0;
  let size = 0;
  const hash = createHash("sha256");
  for await (const bytes of answer as AsyncIterable<Buffer>) {
    if (firstByte === 0) firstByte = performance.now() - began;
    size += bytes.length;
    hash.update(bytes);
  }
  const isRight = answer.statusCode === 200 && `sha256:${hash.digest("hex")}` === body.digest;
  if (!isRight) throw new Error(`GET ${url}: ${answer.statusCode}, ${size} of ${body.size} bytes`);
  return { firstByte, whole: performance.now() - began };
}

async function push(slipway: Registry, body: Body): Promise<void> {
  const to = await openRepository(slipway, REPOSITORY);
  const way = randomInt(2) === 0 ? pushAsDocker : pushWhole;
  await withConnection((send) => way(to, { body, send }));
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

export function soakLines(result: SoakResult): readonly string[] {
  const { pulls, pushes, seconds, growth, memory, failures } = result;
  const [pulled, pushed] = [result.bytesPulled, result.bytesPushed].map((bytes) =>
    (bytes / 1e9).toFixed(1),
  );
  const grown = growth === null ? "the run was shorter" : `${(growth / MIB).toFixed(0)} MiB`;
  return [
    `${PULLERS} clients pulled ${pulls} blobs (${pulled} GB) and ${PUSHERS} pushed ${pushes} (${pushed} GB) in ${seconds} s`,
    `pull, first byte: ${shown(result.firstByte)}`,
    `pull, whole: ${shown(result.whole)}`,
    `push: ${shown(result.push)}`,
    `memory of workerd every ${MEMORY_MS / 1000} s, MiB: ${memory.map((bytes) => (bytes / MIB).toFixed(0)).join(" ")}`,
    `growth of its peak after the second minute: ${grown}`,
    `failed: ${failures.length}`,
    ...failures.slice(0, SHOWN_FAILURES),
  ];
}

function shown({ p50, p99 }: Percentiles): string {
  return `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`;
}
