/** Runs the clients' tables of steps, says how each step ended, and prints the final table. */
import type { Client, Feature, Step } from "./client.ts";
import { masked } from "./shell.ts";
import type { Refusal } from "./visitor.ts";

type Outcome = "passed" | "failed" | "skipped";

export interface Record {
  client: string;
  feature: Feature | "start";
  outcome: Outcome;
}

/** All steps of a client in order; a step whose groundwork has failed fails without being tried. */
export async function runClient(id: string, client: Client): Promise<Record[]> {
  const records: Record[] = [];
  const broken = new Set<Feature>();
  for (const step of client.steps) {
    const missing = step.needs.find((feature) => broken.has(feature));
    const began = performance.now();
    const failure = missing === undefined ? await failureOf(step) : `not run: ${missing} failed`;
    const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    if (failure !== undefined) broken.add(step.feature);
    const outcome = failure === undefined ? "passed" : "failed";
    records.push({ client: id, feature: step.feature, outcome });
    const mark = failure === undefined ? "ok  " : "FAIL";
    console.log(`${mark} ${id}: ${step.name} (${seconds})`);
    if (failure !== undefined) console.log(failure.replaceAll(/^/gm, "       "));
  }
  return records;
}

async function failureOf(step: Step): Promise<string | undefined> {
  try {
    await step.run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs work and prints how long it took. */
export async function took<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  const began = performance.now();
  const value = await work();
  console.log(`---- ${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return value;
}

/** Records one failure, with its reason, for a client that did not start. */
export function notStarted(id: string, error: unknown): Record {
  const reason = error instanceof Error ? error.message : String(error);
  console.log(`FAIL ${id}: can't be installed or started`);
  console.log(reason.replaceAll(/^/gm, "       "));
  return { client: id, feature: "start", outcome: "failed" };
}

export function skipped(id: string): Record {
  console.log(`skip ${id}: named in SKIP_CLIENTS`);
  return { client: id, feature: "start", outcome: "skipped" };
}

const CELL = { passed: "ok", failed: "FAIL", skipped: "skip" };

/** One row a client, one column a feature; a dot where the client has no such command. */
export function printTable(records: Record[], columns: readonly Feature[]): void {
  const clients = [...new Set(records.map((record) => record.client))];
  const widest = Math.max(...clients.map((client) => client.length));
  console.log(`\n${[" ".repeat(widest), ...columns].join("  ")}`);
  for (const client of clients) {
    const own = records.filter((record) => record.client === client);
    const cells = columns.map((feature) => cell(own, feature).padEnd(feature.length));
    console.log([client.padEnd(widest), ...cells].join("  ").trimEnd());
  }
}

function cell(records: Record[], feature: Feature): string {
  const fitting = records.filter((record) => ["start", feature].includes(record.feature));
  const worst = (["failed", "skipped", "passed"] as const).find((outcome) =>
    fitting.some((record) => record.outcome === outcome),
  );
  return worst === undefined ? "·" : CELL[worst];
}

/** Prints how each client took each refusal: its exit code, its requests, and the message for its user. */
export function printRefusals(refusals: Refusal[]): void {
  for (const what of new Set(refusals.map((refusal) => refusal.what))) {
    console.log(`\n${what}`);
    for (const refusal of refusals.filter((one) => one.what === what)) {
      const { client, code, requests, seconds, message } = refusal;
      const facts = `exit ${code}, ${requests} requests, ${seconds.toFixed(1)} s`;
      console.log(`  ${client}: ${facts}: ${masked(message)}`);
    }
  }
}

/** The last line of a run. */
export function summary(records: Record[]): string {
  const count = (outcome: Outcome) => records.filter((one) => one.outcome === outcome).length;
  const skips = count("skipped");
  const tail = skips === 0 ? "" : `, ${skips} skipped`;
  return `${count("passed")} passed, ${count("failed")} failed${tail}`;
}
