/**
 * `npm run soak -- --minutes 10 --clients 8 --seed 1`: runs the history checker against `npm start` over HTTP, in
 * rounds. In each of them clients push, pull, retag, delete, restore and purge, while garbage collection runs with a
 * grace period of seconds and the server is killed now and then; then all is quiet, and every answer is checked.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Sessions } from "../test/properties/history/client.ts";
import { Recorder } from "../test/properties/history/history.ts";
import { countsOf, report, type Result, run } from "../test/properties/history/run.ts";
import { USUAL, WAITING } from "../test/properties/history/plan.ts";
import { SMALL } from "../test/properties/history/universe.ts";
import { random } from "../test/support/images.ts";
import { ServerPlace } from "./soak-place.ts";

const AGES = { grace: 3_600, trash: 15_000 };
/** The largest layer takes more than one part. */
const SIZE = { ...SMALL, layers: 14, images: 12, indexes: 4, largest: 9 * 1024 * 1024 };
const ROUND = 40_000;
/** Kills of the server in a round. */
const KILLS = 2;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    clients: { type: "string", default: "8" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const end = Date.now() + Number(values.minutes) * 60_000;
const clients = Number(values.clients);
const firstSeed = Number(values.seed);
if (![end, clients, firstSeed].every(Number.isFinite)) {
  throw new Error("--minutes, --clients and --seed are numbers");
}

const totals = new Map<string, Map<number, number>>();
let rounds = 0;
let collections = 0;
let collected = 0;
let steps = 0;
let violations = 0;

/** The uploads of all rounds, which are not ended here. */
const sessions: Sessions = new Map();
const place = await ServerPlace.open(AGES);
try {
  for (let seed = firstSeed; Date.now() < end && violations === 0; seed++) {
    const result = await round(seed, Math.min(ROUND, Math.max(5_000, end - Date.now())));
    add(result);
    const { operations } = result;
    console.log(
      `seed ${seed}: ${result.steps} steps, ${operations.length} operations, ${result.collections} collections, ${result.collected} blobs collected, ${place.kills} kills so far, ${result.violations.length} violations`,
    );
    if (result.violations.length > 0) {
      const command = `npm run soak -- --minutes 1 --clients ${clients} --seed ${seed}`;
      console.error(report(result, command));
    }
  }
} finally {
  await place.close();
}
summarize();
process.exitCode = violations === 0 && rounds > 0 ? 0 : 1;

async function round(seed: number, milliseconds: number): Promise<Result> {
  const recorder = new Recorder();
  const over = new AbortController();
  const killing = killNowAndThen(seed, milliseconds, recorder, over.signal);
  const weights = seed % 2 === 0 ? USUAL : WAITING;
  const given = { seed, ages: AGES, clients, milliseconds, size: SIZE, weights, sessions };
  try {
    return await run(given, place, recorder);
  } finally {
    over.abort();
    await killing;
  }
}

/** Kills the server at moments that the seed decides, within the time of the clients. */
async function killNowAndThen(
  seed: number,
  milliseconds: number,
  recorder: Recorder,
  over: AbortSignal,
): Promise<void> {
  const next = random(seed ^ 0x6b696c6c);
  const last = Date.now() + milliseconds;
  for (let i = 0; i < KILLS; i++) {
    await sleep((next() % 1_000) * (milliseconds / KILLS / 1_200), undefined, {
      signal: over,
    }).catch(() => {});
    if (over.aborted || Date.now() > last) return;
    await place.kill(recorder, next() % 6 === 0);
  }
}

function add(result: Result): void {
  rounds++;
  collections += result.collections;
  collected += result.collected;
  steps += result.steps;
  violations += result.violations.length;
  for (const [kind, statuses] of countsOf(result.operations)) {
    const sum = totals.get(kind) ?? new Map<number, number>();
    for (const [status, count] of statuses) sum.set(status, (sum.get(status) ?? 0) + count);
    totals.set(kind, sum);
  }
}

function summarize(): void {
  for (const [kind, statuses] of [...totals].toSorted(([a], [b]) => a.localeCompare(b))) {
    const parts = [...statuses].toSorted(([a], [b]) => a - b);
    const shown = parts.map(([status, count]) => `${status || "no answer"}: ${count}`);
    console.log(`${kind.padEnd(20)} ${shown.join(", ")}`);
  }
  const operations = [...totals.values()].flatMap((statuses) => [...statuses.values()]);
  const sum = operations.reduce((total, count) => total + count, 0);
  console.log(
    `${rounds} rounds, ${steps} steps, ${sum} operations, ${collections} collections, ${collected} blobs collected, ${place.kills} kills, ${violations} violations`,
  );
}
