/** The work of the triggers for every written row must not grow with the size of the registry. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Namespace, RepositoryName } from "../src/oci/reference.ts";
import type { Initiator } from "../src/db/audit.ts";
import { QuotaStore } from "../src/quota/store.ts";
import { refuseChange } from "../src/db/errors.ts";
import { planOf, plansOf, tableScans } from "./support/plans.ts";

interface Trigger {
  readonly name: string;
  readonly sql: string;
}

const { results: triggers } = await env.DB.prepare(
  `SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name`,
).all<Trigger>();

/** A trigger's condition and statements as such that can be run alone: a parameter for each value of the row. */
function statementsOf({ sql }: Trigger): string[] {
  const [, condition = "", body = ""] =
    /^CREATE TRIGGER[^]*?(?:\bWHEN\b([^]*?))?\bBEGIN\b([^]*)END$/.exec(sql) ?? [];
  const statements = body.split(";").filter((statement) => statement.trim() !== "");
  return [...(condition === "" ? [] : [`SELECT ${condition}`]), ...statements].map((statement) =>
    statement
      .replaceAll(/RAISE\s*\(ABORT, '[^']*'\)/g, "0")
      .replaceAll(/\b(?:NEW|OLD)\.\w+/g, "?1"),
  );
}

/** The two places where rules can be: a repository and its namespace. */
const CONSTANT = "SCAN level";

const INITIATOR: Initiator = {
  actor: "a",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};
/** Statements of a push and of the deletion of a manifest. */
const TAGS = {
  sql: `t.name IN (SELECT value FROM json_each(:tags)) AND t.digest <> :digest`,
  values: { tags: "[]", digest: "" },
};
const OF_MANIFEST = { sql: "t.digest = :digest", values: { digest: "" } };

function ignored(): void {
  // The rows found are not needed.
}

describe.each(triggers.map((trigger) => [trigger.name, trigger] as const))("%s", (_, trigger) => {
  test("looks rows up, and walks through no table", async () => {
    const statements = statementsOf(trigger);
    expect(statements.length).toBeGreaterThan(0);
    for (const sql of statements) {
      const scanned = tableScans(await planOf(sql)).filter((line) => line !== CONSTANT);
      expect(scanned, sql).toEqual([]);
    }
  });
});

test("a tag's immutability is looked up; of what is walked through, there are few rules", async () => {
  const sql = `SELECT 1 FROM matched_immutable_tags WHERE repository_id = ?1 AND name = ?2`;
  const plan = await planOf(sql);
  expect(plan.filter((line) => /^(SEARCH|SCAN) (t|r|n|rule|exception)\b/.test(line))).toEqual([
    expect.stringMatching(/^SEARCH t USING PRIMARY KEY \(repository_id=\? AND name=\?\)/),
    expect.stringMatching(/^SEARCH r USING INTEGER PRIMARY KEY/),
    expect.stringMatching(/^SCAN rule VIRTUAL TABLE/),
    expect.stringMatching(/^SEARCH n USING PRIMARY KEY \(name=\?\)/),
    expect.stringMatching(/^SCAN exception VIRTUAL TABLE/),
  ]);
});

test("why a change was refused is found by its tags, or its manifest's, and by the namespace", async () => {
  const reasons = [
    ["immutable tag", TAGS, /^SEARCH t USING PRIMARY KEY \(repository_id=\? AND name=\?\)/],
    [
      "immutable tag",
      OF_MANIFEST,
      /^SEARCH t USING .*tags_by_digest \(repository_id=\? AND digest=\?\)/,
    ],
    ["quota of bytes", undefined, /^SEARCH q USING PRIMARY KEY \(namespace=\?\)/],
    ["quota of repositories", undefined, /^SEARCH q USING PRIMARY KEY \(namespace=\?\)/],
  ] as const;
  for (const [said, tags, lookup] of reasons) {
    const found = await plansOf((db) =>
      refuseChange(db, "acme/app" as RepositoryName, new Error(said), tags).catch(ignored),
    );
    expect(found).toHaveLength(1);
    for (const { sql, plan } of found) {
      expect(
        tableScans(plan).filter((line) => line !== CONSTANT),
        sql,
      ).toEqual([]);
      expect(plan, sql).toContainEqual(expect.stringMatching(lookup));
    }
  }
});

test("quotas and what they are compared to are found by the namespace", async () => {
  const namespace = "acme" as Namespace;
  const found = await plansOf(async (db) => {
    const quotas = new QuotaStore(db);
    await quotas.find(namespace).catch(ignored);
    await quotas.set(namespace, { bytes: 1 }, INITIATOR).catch(ignored);
  });
  expect(found).toHaveLength(4);
  for (const { sql, plan } of found) expect(tableScans(plan), sql).toEqual([]);
});
