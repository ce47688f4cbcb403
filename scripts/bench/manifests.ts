/** How many manifests a second are pulled by tag: by a Node client, and by wrk where it is installed. */
import { execFile, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { textBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import type { Load, LoadResult } from "./load.ts";
import type { Size } from "./main.ts";
import { type Case, type Sample, timed, type Variant } from "./measure.ts";
import type { Subjects } from "./subjects.ts";
import { openRepository, pushWhole, type Repository } from "./transfers.ts";

const CONCURRENCY = 16;
const MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json";
const LAYERS = 6;
const TARGET = 0.6;

interface Target {
  readonly name: string;
  readonly pids: readonly number[];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of each answer. */
  readonly size: number;
}

export async function manifestCases(
  { slipway, bare }: Subjects,
  { requests, wrkSeconds }: Size,
): Promise<readonly Case[]> {
  const repository = await openRepository(slipway, "bench/manifests");
  const manifest = await pushImage(repository);
  const bareUrl = `${bare.url}/row/manifest`;
  await withConnection((send) =>
    send({ method: "PUT", url: bareUrl, body: manifest, expect: 201 }),
  );
  const { size } = manifest;
  const url = manifestUrl(repository);
  const { headers } = repository;
  const ours: Target = { name: "slipway", pids: slipway.pids, url, headers, size };
  const theirs = {
    name: "bare one-query Worker",
    pids: bare.pids,
    url: bareUrl,
    headers: {},
    size,
  };
  const title = `pulls of a manifest by tag (${size} bytes, ${CONCURRENCY} at once)`;
  const byNode: Case = {
    name: "pull-manifest",
    title,
    unit: "requests/s",
    work: { amount: requests / 1000, unit: "1000 requests" },
    slipway: nodeVariant(ours, requests),
    bare: [{ ...nodeVariant(theirs, requests), target: TARGET }],
  };
  if (spawnSync("wrk", ["--version"]).error !== undefined) {
    console.log("pull-manifest: wrk is not installed, so only the Node client measures");
    return [byNode];
  }
  const byWrk: Case = {
    ...byNode,
    name: "pull-manifest-wrk",
    title: `${title}, by wrk`,
    work: { amount: 1, unit: "1000 requests" },
    slipway: wrkVariant(ours, wrkSeconds),
    bare: [{ ...wrkVariant(theirs, wrkSeconds), target: TARGET }],
  };
  return [byNode, byWrk];
}

/** An image of small layers under the tag `latest`: the manifest has about 1 KB. */
async function pushImage(repository: Repository) {
  const { headers } = repository;
  const blobs = ["{}", ...Array.from({ length: LAYERS }, (_, i) => `layer ${i}`)].map(textBody);
  const [config, ...layers] = blobs.map(({ size, digest }, i) => ({
    mediaType: `application/vnd.oci.image.${i === 0 ? "config.v1+json" : "layer.v1.tar+gzip"}`,
    digest,
    size,
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE, config, layers });
  const body = textBody(text);
  await withConnection(async (send) => {
    for (const blob of blobs) await pushWhole(repository, { body: blob, send });
    const typed = { ...headers, "content-type": MEDIA_TYPE };
    const url = manifestUrl(repository);
    await send({ method: "PUT", url, headers: typed, body, expect: 201 });
  });
  return body;
}

function manifestUrl({ slipway, name }: Repository): string {
  return `${slipway.url}/v2/${name}/manifests/latest`;
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
