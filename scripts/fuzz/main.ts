/**
 * `npm run fuzz -- --seconds 60 --seed 1`: sends requests, manifests and bytes that are nearly right to `npm start`.
 * Every answer must be below 500, come within 5 s and give a reason for a refusal; in the end fsck must find nothing,
 * and an image that no request may change must be the same.
 */
import { parseArgs } from "node:util";
import { digestOf } from "../../test/support/images.ts";
import { type Server, startServer } from "../server.ts";
import { ask } from "./client.ts";
import { sendRaw } from "./connection.ts";
import { Random } from "./random.ts";
import { type Asked, requestOf } from "./requests.ts";
import { prepare, type Prepared } from "./world.ts";

const CLIENTS = 4;
/** Unfinished uploads that are kept for later requests. */
const MAX_UPLOADS = 20;
/** Failures after which a run stops, since more of them tell nothing new. */
const MAX_FAILURES = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const durationMs = Number(values.seconds) * 1_000;
if (!Number.isFinite(durationMs) || !Number.isFinite(seed)) {
  throw new Error("--seconds and --seed are numbers");
}

const statuses = new Map<number, number>();
const failures: string[] = [];
const server = await startServer({ env: { LOG_READS: "false", TRASH_DAYS: "0" } });
try {
  const prepared = await prepare(server);
  const end = Date.now() + durationMs;
  const run = (_: unknown, client: number) =>
    fuzz(server, prepared, { end, from: seed * CLIENTS + client });
  await Promise.all(Array.from({ length: CLIENTS }, run));
  await check(server, prepared);
} finally {
  await server.stop();
}
report();

interface Turn {
  /** Milliseconds since 1970. */
  readonly end: number;
  readonly from: number;
}

async function fuzz(
  { url }: Server,
  { world, callers }: Prepared,
  { end, from }: Turn,
): Promise<void> {
  for (let round = 0; Date.now() < end && failures.length < MAX_FAILURES; round++) {
    // Each request has a seed of its own, by which it can be repeated.
    const random = new Random(from * 1_000_003 + round);
    if (random.oneIn(20)) {
      const status = await sendRaw(random, new URL(url));
      // workerd itself answers a method that it does not know (RFC 9110 § 15.6.2): the request never reaches the
      // Worker.
      if (status !== null && status !== 501) {
        count(status, `bytes of the seed ${from}, round ${round}`);
      }
      continue;
    }
    const asked = requestOf(random, world);
    try {
      const { status, location } = await ask(url, asked, random.pick(callers));
      count(status, "");
      if (location?.includes("/blobs/uploads/") === true) remember(world.uploads, location);
    } catch (error) {
      failures.push(`${describe(asked)}: ${String(error)} (seed ${from}, round ${round})`);
    }
  }
}

function remember(uploads: string[], location: string): void {
  uploads.push(location);
  if (uploads.length > MAX_UPLOADS) uploads.shift();
}

function count(status: number, what: string): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (status >= 500) failures.push(`${what}: answered ${status}`);
}

async function check({ url, log }: Server, { admin, canary }: Prepared): Promise<void> {
  const pulled = await fetch(url + canary.path, { headers: { authorization: admin } });
  const digest = digestOf(new Uint8Array(await pulled.arrayBuffer()));
  if (digest !== canary.digest) failures.push(`${canary.path} answers ${pulled.status}, ${digest}`);
  for (let cursor: unknown = {}; cursor !== null;) {
    const body = JSON.stringify(cursor);
    const headers = { authorization: admin, "content-type": "application/json" };
    const answer = await fetch(`${url}/api/v1/fsck`, { method: "POST", headers, body });
    const step = (await answer.json()) as { findings?: object[]; next?: object | null };
    if (step.findings === undefined) throw new Error(`fsck: ${JSON.stringify(step)}`);
    for (const finding of step.findings) failures.push(`fsck: ${JSON.stringify(finding)}`);
    cursor = step.next ? { cursor: step.next } : null;
  }
  const thrown = log.filter((line) => /"status":5\d\d|^(Uncaught|✘)/.test(line));
  for (const line of thrown.slice(0, MAX_FAILURES)) failures.push(`log: ${line.slice(0, 1_000)}`);
}

function describe({ method, path, headers, body }: Asked): string {
  const shown = typeof body === "string" ? body.slice(0, 300) : `${body?.length ?? 0} bytes`;
  return `${method} ${path.slice(0, 300)} ${JSON.stringify(headers)} ${shown}`;
}

function report(): void {
  const total = [...statuses.values()].reduce((sum, times) => sum + times, 0);
  const each = [...statuses].toSorted(([a], [b]) => a - b).map(([status, n]) => `${status}: ${n}`);
  console.log(`seed ${seed}: ${total} answers (${each.join(", ")})`);
  for (const failure of failures) console.error(failure);
  // A run without any answer has tested nothing.
  process.exitCode = failures.length === 0 && total > 0 ? 0 : 1;
}
