/** Measures the operations and garbage collection in one world. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { World } from "./worker/world.ts";
import {
  type Collection,
  type Cost,
  type Measuring,
  type Operation,
  startMeasuring,
  type Statement,
} from "./worker.ts";

export interface Measured {
  readonly world: World;
  readonly operations: readonly (Operation & Cost)[];
  /** Each run of garbage collection, in turn. */
  readonly runs: readonly Collection[];
}

/** Tries of an operation: the rows are those of the first try, the time is the median. */
const ROUNDS = 3;
/** Objects that are put in one request. */
const OBJECTS = 500;

/** Measures in a copy, so that the next run begins with the same data. */
export async function measure(
  data: string,
  world: World,
  { objects, runs }: { readonly objects: number; readonly runs: number },
): Promise<Measured> {
  const copy = await mkdtemp(join(tmpdir(), "slipway-scale-"));
  try {
    await cp(data, copy, { recursive: true });
    const measuring = await startMeasuring(copy);
    try {
      const operations = await tryOperations(measuring, world);
      for (let from = 0; from < objects; from += OBJECTS) {
        await measuring.ask({ kind: "objects", from, to: Math.min(from + OBJECTS, objects) });
      }
      return { world, operations, runs: await collect(measuring, world, runs) };
    } finally {
      await measuring.stop();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function tryOperations(worker: Measuring, world: World): Promise<(Operation & Cost)[]> {
  const operations = await worker.ask<Operation[]>({ kind: "operations" });
  const tried = new Map<string, Cost[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name } of operations) {
      const cost = await worker.ask<Cost>({ kind: "operation", name, world });
      tried.set(name, [...(tried.get(name) ?? []), cost]);
    }
  }
  return operations.map((operation) => {
    const costs = tried.get(operation.name) ?? [];
    const times = costs.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
    const milliseconds = times[Math.floor(times.length / 2)] ?? 0;
    return { ...operation, statements: costs[0]?.statements ?? [], milliseconds };
  });
}

async function collect(worker: Measuring, world: World, most: number): Promise<Collection[]> {
  const runs: Collection[] = [];
  while (runs.length < most) {
    const run = await worker.ask<Collection>({ kind: "gc", world });
    runs.push(run);
    if (run.collected["more"] !== true) break;
  }
  return runs;
}

export function sum(statements: readonly Statement[], of: "rowsRead" | "rowsWritten"): number {
  return statements.reduce((total, statement) => total + statement[of], 0);
}
