/** Requests per second, by wrk if it is installed, else by the load generator here. */
import { execFile, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Load, LoadResult } from "./load.ts";
import { type Case, type Sample, type Target, timed, type Variant } from "./measure.ts";
import { MIB, type Size } from "./size.ts";
import type { Subject } from "./subject.ts";

/** One subject's request in a case. */
export interface Asked {
  readonly subject: Subject;
  /** The name, for a subject that takes part twice. */
  readonly name?: string;
  readonly url: string;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Bytes of each answer, null where it is not known. */
  readonly size: number | null;
  readonly note?: string;
}

export interface Rate {
  readonly name: string;
  readonly title: string;
  readonly method?: "GET" | "HEAD";
  readonly connections: number;
  readonly asked: readonly Asked[];
  readonly targets?: readonly Target[];
  readonly plotted?: boolean;
  /** The number of requests by our own load generator, where a request takes so long that one second says little. */
  readonly requests?: number;
}

/** The number of connections that targets are about. Its cases come first, and warm the servers up for the others. */
export const MAIN = 16;
/** wrk waits for a body after a HEAD, because of its Content-Length. */
const HAS_WRK = spawnSync("wrk", ["--version"]).error === undefined;

/** Returns the name of the load generator of a run. */
export function tool({ seconds }: Size): string {
  return HAS_WRK && seconds !== null ? "wrk" : "the benchmark's own load generator";
}

export function rateCase(rate: Rate, size: Size): Case {
  const { name, title, connections, method = "GET", targets = [], plotted = false } = rate;
  const requests = rate.requests ?? size.requests;
  const shape = { method, connections, requests };
  const seconds = rate.requests === undefined && method === "GET" ? size.seconds : null;
  return {
    name: `${name}-${connections}`,
    title: `${title}, ${connections} connection${connections === 1 ? "" : "s"}`,
    unit: "requests/s",
    work: "1000 requests",
    // A target needs more samples.
    rounds: targets.length > 0 ? size.rounds + size.more : size.rounds,
    warmUp: connections === MAIN,
    variants: rate.asked.map((asked) => ({
      name: asked.subject.name,
      ...(asked.note === undefined ? {} : { note: asked.note }),
      sample: () =>
        HAS_WRK && seconds !== null
          ? wrkSample(asked, connections, seconds)
          : requestsSample(asked, shape),
    })),
    targets,
    plotted,
  };
}

async function requestsSample(
  asked: Asked,
  shape: Pick<Load, "method" | "connections" | "requests">,
): Promise<Sample> {
  const { cpu, result } = await load(asked, shape);
  return perRequest(shape.requests, result.seconds, cpu);
}

function perRequest(requests: number, seconds: number, cpu: number): Sample {
  return { value: requests / seconds, cpu: (1000 * cpu) / requests };
}

/** Measures the pulls of a blob per second: in MiB, or for a small one their number. */
export function pullVariant(
  asked: Asked,
  shape: Pick<Load, "connections" | "requests">,
  before: () => Promise<Asked> = async () => asked,
): Variant {
  return {
    name: asked.name ?? asked.subject.name,
    async sample() {
      const now = await before();
      const size = now.size ?? 0;
      const bytes = size * shape.requests;
      const { cpu, result } = await load(now, { ...shape, method: "GET" });
      return size < MIB
        ? perRequest(shape.requests, result.seconds, cpu)
        : { value: bytes / MIB / result.seconds, cpu: (1e9 * cpu) / bytes };
    },
  };
}

/** The generator is a process of its own, so that its work does not slow down this process. */
async function load(asked: Asked, shape: Pick<Load, "method" | "connections" | "requests">) {
  const { subject, url, size } = asked;
  const headers = await asked.headers();
  const client = fork(join(import.meta.dirname, "load.ts"));
  let result: LoadResult | undefined;
  const { cpu } = await timed(subject.pids(), async () => {
    client.send({ ...shape, url, size, headers } satisfies Load);
    [result] = (await once(client, "message")) as [LoadResult];
  });
  client.disconnect();
  if (result === undefined) throw new Error("the load generator gave no result");
  if (result.failure !== null) throw new Error(result.failure);
  return { cpu, result };
}

async function wrkSample(asked: Asked, connections: number, seconds: number): Promise<Sample> {
  const headers = Object.entries(await asked.headers());
  const fields = headers.flatMap(([key, value]) => ["-H", `${key}: ${value}`]);
  const options = ["-t1", `-c${connections}`, `-d${seconds}s`, ...fields, asked.url];
  let output = "";
  const { cpu } = await timed(asked.subject.pids(), async () => {
    output = (await promisify(execFile)("wrk", options)).stdout;
  });
  const wrong = /^\s*(Non-2xx.*|Socket errors:.*)$/m.exec(output)?.[1];
  const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
  const total = Number(/^\s*(\d+) requests in/m.exec(output)?.[1]);
  if (wrong !== undefined || !(rate > 0)) throw new Error(`wrk ${asked.url}: ${wrong ?? output}`);
  return { value: rate, cpu: (1000 * cpu) / total };
}
