/** Carrying out a policy costs the same in a large repository and in a small one: every statement finds its rows by an index. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { PullStore } from "../../src/events/pull-store.ts";
import { RetentionStore } from "../../src/retention/store.ts";
import { PolicyStore } from "../../src/retention/policy-store.ts";
import { RunStore } from "../../src/retention/run-store.ts";
import { planOf, recorded, tableScans } from "../support/plans.ts";
import { wrapEnv } from "../support/wrapped-env.ts";
import {
  ANY,
  cosignTag,
  digestFor,
  moreThan,
  type Piece,
  policyOf,
  pulledBefore,
  retentionOf,
  rule,
  runToEnd,
  Shelf,
  tagged,
} from "../support/retention.ts";

const INITIATOR = {
  actor: "a",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};
const { db, statements } = recorded();
/** All statements of everything done once. */
let plans: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  const shelf = await Shelf.with([
    { name: "child", pushed: 9 },
    { name: "index", tags: ["t1"], pushed: 9, children: ["child"] },
    { name: "sig", tags: [cosignTag("index")], pushed: 9 },
    { name: "other", tags: ["k"], pushed: 8, children: ["child"] },
  ]);
  const policy = policyOf(
    rule(1, { ...tagged("t*"), ...pulledBefore(1) }),
    rule(2, { ...ANY, ...moreThan(5) }),
  );
  const policies = new PolicyStore(db);
  const runs = new RunStore(db);
  const name = shelf.name.split("/", 1)[0] as never;
  await policies.setNamespace(name, JSON.stringify(policy), INITIATOR);
  await policies.ofNamespace(name);
  await policies.setRepository(shelf.name, JSON.stringify(policy), INITIATOR);
  await policies.ofRepository(shelf.name);
  await shelf.preview(policy, { retention: retentionOf({ db }) });
  await runToEnd(retentionOf({ db }));
  await new RetentionStore(db).find({ repository: shelf.id, since: 0, pulls: true }, [
    digestFor("other"),
  ]);
  await new PullStore(db).add([]);
  await new PullStore(db).use([]);
  await policies.removeRepository(shelf.name, INITIATOR);
  await policies.removeNamespace(name, INITIATOR);
  const run = await runs.find(shelf.id);
  if (run === null) throw new Error("there is no run");
  await runs.postpone(run, 1);
  await runs.forget(run);
  plans = new Map(
    await Promise.all([...statements].map(async (sql) => [sql, await planOf(sql)] as const)),
  );
});

function planned(part: string): readonly string[] {
  const found = [...plans].filter(([sql]) => sql.includes(part));
  expect(found, part).not.toEqual([]);
  return found.flatMap(([, plan]) => plan);
}

test("no statement walks through a table", () => {
  expect(plans.size).toBeGreaterThanOrEqual(27);
  // The two levels of immutable tags: the repository's rules and the namespace's.
  const LEVELS = "SCAN level";
  for (const [sql, plan] of plans) {
    expect(
      tableScans(plan).filter((line) => line !== LEVELS),
      sql,
    ).toEqual([]);
  }
});

test("a page comes in the order of the pushes, without sorting", () => {
  const plan = planned("INDEXED BY manifests_by_push");
  const push =
    /SEARCH m USING (COVERING )?INDEX manifests_by_push \(repository_id=\? AND .*pushed_at/;
  expect(plan).toContainEqual(expect.stringMatching(push));
  expect(plan).not.toContainEqual(expect.stringContaining("FOR ORDER BY"));
});

test("what a manifest belongs to, its tags and what protects them are looked up for it alone", () => {
  for (const part of ["INDEXED BY manifests_by_push", "usedOn FROM json_each("]) {
    const plan = planned(part);
    const expected = [
      /SEARCH f USING COVERING INDEX manifest_references_by_digest \(digest_id=\? AND repository_id=\?\)/,
      /SEARCH t USING COVERING INDEX tags_by_digest \(repository_id=\? AND digest=\?\)/,
      /SEARCH t USING PRIMARY KEY \(repository_id=\? AND name=\?\)/,
      /SEARCH o USING .*\(repository_id=\? AND digest=\?\)/,
      /SEARCH p USING PRIMARY KEY \(repository_id=\? AND digest=\?\)/,
    ];
    for (const line of expected) expect(plan, part).toContainEqual(expect.stringMatching(line));
  }
});

test("all that one batch deletes is found by it", () => {
  const lines = [...plans]
    .filter(([sql]) => sql.includes("deletion_batch"))
    .flatMap(([, plan]) => plan);
  const of = (alias: string) => lines.filter((line) => new RegExp(`^SEARCH ${alias} `).test(line));
  for (const line of of("d")) expect(line).toMatch(/PRIMARY KEY \(repository_id=\?/);
  for (const line of of("e"))
    expect(line).toMatch(/PRIMARY KEY \(repository_id=\? AND digest=\?\)/);
  for (const line of of("manifests")) expect(line).toMatch(/\(repository_id=\? AND digest=\?\)/);
  for (const line of of("tags")) expect(line).toMatch(/\(repository_id=\? AND digest=\?\)/);
});

/** Returns the rows that a step reads in a repository with that many other manifests, as D1 counts them. */
async function rowsRead(others: number): Promise<number> {
  const pieces = Array.from({ length: others }, (_, i): Piece => {
    return { name: `${others}-${i}`, tags: [`t${i}`], pushed: 10 + i / 100 };
  });
  const shelf = await Shelf.with(pieces);
  const policy = policyOf(rule(1, { ...tagged("t*"), ...moreThan(1) }));
  await shelf.setPolicy(policy);
  let read = 0;
  const { DB: counting } = wrapEnv(env, {
    d1: async ({ name, results }) => {
      const all = await results();
      for (const { meta } of all) read += meta.rows_read;
      return name === "batch" ? all : all[0];
    },
  });
  const retention = retentionOf({ db: counting, bounds: { page: 20, expiring: 5 } });
  const runs = new RunStore(env.DB);
  let most = 0;
  for (let i = 0; i < 6; i++) {
    const run = await runs.find(shelf.id);
    if (run === null) throw new Error("there is no run");
    read = 0;
    await retention.step(run, 0, 3);
    most = Math.max(most, read);
  }
  return most;
}

test("a step reads as many rows of a large repository as of a small one", async () => {
  const few = await rowsRead(60);
  const many = await rowsRead(1_200);
  expect(few).toBeGreaterThan(100);
  expect(many).toBeLessThan(few * 1.2);
});
