/** One run: clients and garbage collection at once, then quiet, then the check. */
import type { Bytes } from "../../support/images.ts";
import type { Sessions, World } from "./client.ts";
import { type Operation, Recorder } from "./history.ts";
import { leftovers, type Stores } from "./leftovers.ts";
import { type Ages, check, formatViolation, type Violation } from "./model.ts";
import type { Weights } from "./plan.ts";
import { type Size, universeOf } from "./universe.ts";
import { readEverything, runClients } from "./workload.ts";

export interface Given {
  readonly seed: number;
  readonly ages: Ages;
  readonly clients: number;
  /** Ends after that many steps of each client, or that many milliseconds. */
  readonly steps?: number;
  readonly milliseconds?: number;
  readonly size?: Size;
  readonly weights?: Weights;
  /** Uploads of earlier runs in the same place; this run adds its own. */
  readonly sessions?: Sessions;
}

export interface Place extends World {
  /** Runs garbage collection once. @returns how many blobs it deleted, and whether there is more to do */
  collect(): Promise<{ readonly blobs: number; readonly more: boolean }>;
  /** Ends uploads that have expired. @returns those that could not be ended here */
  expire(uploads: readonly string[]): Promise<readonly string[]>;
  /** Reads what is stored, when all is quiet. */
  inspect<T>(look: (stores: Stores) => Promise<T>): Promise<T>;
}

export interface Result {
  readonly seed: number;
  readonly operations: readonly Operation[];
  readonly steps: number;
  readonly collections: number;
  readonly collected: number;
  readonly violations: readonly Violation[];
}

/** Milliseconds between two runs of garbage collection. */
const PAUSE = 15;
/** The most milliseconds between two clocks. */
const CLOCKS = 50;

export async function run(given: Given, place: Place, recorder = new Recorder()): Promise<Result> {
  const { seed, ages, clients, steps, milliseconds, size, weights } = given;
  const universe = universeOf(seed, size);
  const sessions = given.sessions ?? new Map();
  const end = milliseconds === undefined ? Infinity : Date.now() + milliseconds;
  const collection = new Collection(place);
  const made = await collection.during(() =>
    runClients(
      {
        seed,
        universe,
        clients,
        grace: ages.grace,
        ...(weights === undefined ? {} : { weights }),
        goesOn: (count) => count < (steps ?? Infinity) && Date.now() < end,
      },
      place,
      recorder,
      sessions,
    ),
  );
  await place.ready();
  const unfinished = await place.expire([...sessions.keys()]);
  // Two runs: blobs that the first makes unreferenced wait for their own grace period. A manifest's trash window may
  // also end during the second.
  let quietAt = 0;
  for (let i = 0; i < 2; i++) {
    await place.pause(ages.grace + CLOCKS);
    quietAt = Date.now() - CLOCKS;
    await collection.settle();
  }
  const open = new Set(unfinished.filter((upload) => sessions.get(upload) !== "done"));
  const left = await place.inspect((stores) => leftovers(stores, ages, open, quietAt));
  await place.ready();
  await readEverything(universe, place, recorder);
  const { operations } = recorder;
  const violations = [...check(operations, universe, ages), ...left, ...(await fsck(place))];
  const { runs: collections, collected } = collection;
  return { seed, operations, steps: made, collections, collected, violations };
}

/** Runs the registry's own check of all content, every byte included, over its API. */
async function fsck(place: Place): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (let cursor: object | null | undefined; cursor !== null;) {
    const answer = await place.send({
      method: "POST",
      path: "/api/v1/fsck",
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(JSON.stringify({ cursor })) as Bytes,
    });
    const text = new TextDecoder().decode(answer?.body);
    if (answer?.status !== 200) throw new Error(`fsck was answered with ${answer?.status} ${text}`);
    const { findings, next } = JSON.parse(text) as { findings: object[]; next: object | null };
    for (const finding of findings) {
      violations.push({ kind: "fsck", message: JSON.stringify(finding), context: [] });
    }
    cursor = next;
  }
  return violations;
}

/** Runs garbage collection again and again while others work. */
class Collection {
  readonly #place: Place;
  #isOver = false;
  runs = 0;
  collected = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const [result] = await Promise.all([work().finally(() => (this.#isOver = true)), this.#loop()]);
    return result;
  }

  /** Runs until nothing is due any more. */
  async settle(): Promise<void> {
    for (let more = true; more;) more = await this.#once();
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      await this.#once();
      await this.#place.pause(PAUSE);
    }
  }

  async #once(): Promise<boolean> {
    const { blobs, more } = await this.#place.collect();
    this.runs++;
    this.collected += blobs;
    return more;
  }
}

/** Formats the report of a run that went wrong. */
export function report({ seed, violations }: Result, command: string): string {
  const shown = violations.slice(0, 5).map(formatViolation);
  const rest =
    violations.length > shown.length ? [`and ${violations.length - shown.length} more`] : [];
  return [
    `${violations.length} violations with seed ${seed}; to see it again: ${command}`,
    ...shown,
    ...rest,
  ].join("\n\n");
}

/** Counts the answers of each kind of operation, by status. */
export function countsOf(operations: readonly Operation[]): Map<string, Map<number, number>> {
  const counts = new Map<string, Map<number, number>>();
  for (const { action, outcome } of operations) {
    const statuses = counts.get(action.kind) ?? new Map<number, number>();
    statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1);
    counts.set(action.kind, statuses);
  }
  return counts;
}
