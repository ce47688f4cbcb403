/**
 * The cost of an operation does not depend on the size of the registry, by D1's own count of the rows that it reads.
 */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { BEGINNING, END, growth } from "../scripts/scale/worker/growth.ts";
import type { Metered } from "../scripts/scale/worker/meter.ts";
import type { Operation } from "../scripts/scale/worker/operation.ts";
import { OPERATIONS } from "../scripts/scale/worker/operations.ts";
import { Trial } from "../scripts/scale/worker/trial.ts";
import { EMPTY, type World } from "../scripts/scale/worker/world.ts";
import { planOf, repositoryScans } from "./support/plans.ts";

const SMALL: World = { manifests: 600, due: 200 };
const LARGE: World = { manifests: 3_000, due: 400 };
/**
 * One more row is read where a row's time has changed within a batch, or where an index continues behind what is found.
 */
const SLACK = 1;

const inSmall = new Map<string, readonly Metered[]>();
const all = new Set<string>();
let large: Trial;

beforeAll(async () => {
  await env.DB.batch(BEGINNING.map((sql) => env.DB.prepare(sql)));
  await grow(EMPTY, SMALL);
  const small = await Trial.begin(SMALL, env);
  for (const one of OPERATIONS) inSmall.set(one.name, await statementsOf(small, one));
  await grow(SMALL, LARGE);
  large = await Trial.begin(LARGE, env);
}, 60_000);

async function grow(from: World, to: World): Promise<void> {
  await env.DB.batch([
    ...[...growth(from, to)].map((step) => env.DB.prepare(step.sql).bind(step.from, step.to)),
    ...END.map((sql) => env.DB.prepare(sql)),
  ]);
}

async function statementsOf(trial: Trial, { ready }: Operation): Promise<readonly Metered[]> {
  const { statements } = await trial.cost(await ready(trial));
  for (const { sql } of statements) all.add(sql);
  return statements;
}

test.each(OPERATIONS)("$name", async (operation) => {
  const statements = await statementsOf(large, operation);
  const total = statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThanOrEqual(operation.most);
  if (operation.counts !== undefined) return;
  const before = inSmall.get(operation.name) ?? [];
  expect(statements.map(({ sql }) => sql)).toEqual(before.map(({ sql }) => sql));
  for (const [i, { sql, rowsRead }] of statements.entries()) {
    expect(Math.abs(rowsRead - (before[i]?.rowsRead ?? 0)), sql).toBeLessThanOrEqual(SLACK);
  }
});

/**
 * Rows of a batch itself, and rows that are counted up to a bound, or are on a page, by an index that has nothing else. A
 * list that is filtered looks at 10,000 entries for a page (`o`).
 */
const BOUNDED =
  /^SEARCH (?:d|e|o|deletion_batch) |^SEARCH l USING PRIMARY|INDEX (?:tags_by_digest|live_manifests) \(repository_id=\?\)/;
/** Statements that empty a deleted repository step by step. */
const EMPTYING =
  /^DELETE FROM \w+ WHERE (?:repository_)?id = \(SELECT id FROM repositories INDEXED BY deleted/;

/** fsck's sums over a whole namespace, by indexes that have nothing else. */
const SUMS = / AS actualBytes, /;

test("no statement walks through all that a repository has", async () => {
  for (const sql of [...all].filter((one) => !EMPTYING.test(one) && !SUMS.test(one))) {
    const scanned = repositoryScans(await planOf(sql)).filter((line) => !BOUNDED.test(line));
    expect(scanned, sql).toEqual([]);
  }
});
