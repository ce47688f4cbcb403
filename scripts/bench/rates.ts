/** How many requests a second are answered: by a Node client, and by wrk where it is installed. */
import { execFile, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Load, LoadResult } from "./load.ts";
import type { Size } from "./main.ts";
import { type Case, type Sample, timed, type Variant } from "./measure.ts";

export const CONCURRENCY = 16;

export interface Target {
  readonly name: string;
  readonly pids: readonly number[];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of each answer. */
  readonly size: number;
}

/** What is compared: the same request to Slipway, and what the bare Worker does in its place. */
export interface Rate {
  readonly name: string;
  readonly title: string;
  readonly slipway: Target;
  /** The least ratio of the two rates, or null where none was promised. */
  readonly bare: Target & { readonly target: number | null };
}

export function rateCases(
  { name, title, slipway, bare }: Rate,
  { requests, wrkSeconds }: Size,
): readonly Case[] {
  const { target } = bare;
  const byNode: Case = {
    name,
    title,
    unit: "requests/s",
    work: { amount: requests / 1000, unit: "1000 requests" },
    slipway: nodeVariant(slipway, requests),
    bare: [{ ...nodeVariant(bare, requests), target }],
  };
  if (spawnSync("wrk", ["--version"]).error !== undefined) {
    console.log(`${name}: wrk is not installed, so only the Node client measures`);
    return [byNode];
  }
  const byWrk: Case = {
    ...byNode,
    name: `${name}-wrk`,
    title: `${title}, by wrk`,
    work: { amount: 1, unit: "1000 requests" },
    slipway: wrkVariant(slipway, wrkSeconds),
    bare: [{ ...wrkVariant(bare, wrkSeconds), target }],
  };
  return [byNode, byWrk];
}

/** The Node client is a process of its own, so that its work and this process's do not add up. */
function nodeVariant({ name, pids, url, headers, size }: Target, requests: number): Variant {
  return {
    name,
    async sample() {
      const client = fork(join(import.meta.dirname, "load.ts"));
      let result: LoadResult | null = null;
      const sample = await timed(pids, async () => {
        const load: Load = { url, headers, requests, size, concurrency: CONCURRENCY };
        client.send(load);
        [result] = (await once(client, "message")) as [LoadResult];
      });
      client.disconnect();
      const { seconds, cpu, failure } = result ?? noResult();
      if (failure !== null) throw new Error(failure);
      return { value: requests / seconds, cpu: sample.cpu, clientCpu: cpu };
    },
  };
}

function noResult(): never {
  throw new Error("the load generator gave no result");
}

function wrkVariant({ name, pids, url, headers }: Target, seconds: number): Variant {
  const fields = Object.entries(headers).flatMap(([key, value]) => ["-H", `${key}: ${value}`]);
  const options = ["-t1", `-c${CONCURRENCY}`, `-d${seconds}s`, ...fields, url];
  return {
    name,
    async sample(): Promise<Sample> {
      let output = "";
      const sample = await timed(pids, async () => {
        output = (await promisify(execFile)("wrk", options)).stdout;
      });
      const wrong = /^\s*(Non-2xx.*|Socket errors:.*)$/m.exec(output)?.[1];
      const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
      const total = Number(/^\s*(\d+) requests in/m.exec(output)?.[1]);
      if (wrong !== undefined || !(rate > 0)) throw new Error(`wrk ${url}: ${wrong ?? output}`);
      // The number of requests differs from sample to sample, so CPU time is told for a thousand.
      return { value: rate, cpu: (1000 * sample.cpu) / total, clientCpu: 0 };
    },
  };
}
