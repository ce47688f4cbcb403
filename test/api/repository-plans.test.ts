/** A page of repositories or of the log costs no more than what it shows and what the caller may see. */
import { expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { AuditStore } from "../../src/db/audit.ts";
import { SummaryIndex } from "../../src/db/summaries.ts";
import { PullStore } from "../../src/events/pull-store.ts";
import { RepositoryStore } from "../../src/db/repositories.ts";
import { TAG_SORTS, TagLists } from "../../src/db/tag-lists.ts";
import { RepositoryLists } from "../../src/db/repository-lists.ts";
import { plansOf, tableScans } from "../support/plans.ts";

const INITIATOR = {
  actor: "a",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};
const NAME = "acme/app" as RepositoryName;
const DIGEST = `sha256:${"0".repeat(64)}` as Digest;
const DAYS = { since: 0, until: 1 };
const WALK = { after: { key: 1, name: "a" }, limit: 10 };
const TAG_QUERIES = TAG_SORTS.flatMap((sort) =>
  [false, true].map((descending) => ({ sort, descending, filter: "x", attachments: false })),
);
const MANIFEST_QUERIES = (["digest", "pushed"] as const).flatMap((sort) =>
  [false, true].map((descending) => ({ sort, descending, kind: "image" as const, tagged: true })),
);
/** The two places where rules for immutable tags can be: a repository and its namespace. */
const RULES_OF = "SCAN level";
const FIRST = { tag: "", day: 0 };

test("repositories and what is in them are found by their indexes", async () => {
  const found = await plansOf(async (db) => {
    const repositories = new RepositoryStore(db);
    const lists = new RepositoryLists(db);
    await lists.list({ any: [], public: [] }, 10);
    await lists.names({ from: "a", to: "b" }, 10);
    await lists.named([NAME]);
    await repositories.create(NAME, {}, "make", INITIATOR);
    await repositories.find(NAME);
    await repositories.update(NAME, { readme: "" }, null, INITIATOR);
    const contents = new SummaryIndex(db);
    for (const query of TAG_QUERIES) await new TagLists(db).list(NAME, query, WALK);
    for (const query of MANIFEST_QUERIES) await contents.manifests(NAME, query, WALK);
    await contents.manifest(NAME, DIGEST);
    await contents.facts(NAME, [DIGEST]);
    await new PullStore(db).list(NAME, DAYS, FIRST, 10);
    await repositories.delete(NAME, null, INITIATOR);
  });
  expect(found.length).toBeGreaterThanOrEqual(14);
  for (const { sql, plan } of found) {
    expect(
      tableScans(plan).filter((line) => line !== RULES_OF),
      sql,
    ).toEqual([]);
  }
});

test("pages of tags, manifests and pulls come in their order, without sorting", async () => {
  const found = await plansOf(async (db) => {
    const contents = new SummaryIndex(db);
    for (const query of TAG_QUERIES) await new TagLists(db).list(NAME, query, WALK);
    for (const query of MANIFEST_QUERIES) await contents.manifests(NAME, query, WALK);
    await new PullStore(db).list(NAME, DAYS, FIRST, 10);
  });
  expect(found).toHaveLength(2 * (TAG_QUERIES.length + MANIFEST_QUERIES.length) + 1);
  for (const { sql, plan } of found) expect(plan.join("\n"), sql).not.toContain("TEMP B-TREE");
});

test("repositories are looked up range by range, the public ones by their own index", async () => {
  const [list] = await plansOf((db) => new RepositoryLists(db).list({ any: [], public: [] }, 10));
  const range = String.raw`\(name>\? AND name<\?\)`;
  const any = new RegExp(`^SEARCH repositories USING COVERING INDEX sqlite_autoindex.* ${range}`);
  const open = new RegExp(`^SEARCH repositories USING COVERING INDEX public_repositories ${range}`);
  expect(list?.plan).toContainEqual(expect.stringMatching(any));
  expect(list?.plan).toContainEqual(expect.stringMatching(open));
});

test.each([
  {},
  { namespace: "n" },
  { repository: "n/r" },
  { actor: "a" },
  { action: "b" },
  { actor: "a", action: "b" },
  { namespace: "n", repository: "n/r", actor: "a", action: "b", since: 1, until: 2 },
])("the log: %o is found by an index, in order", async (filter) => {
  const found = await plansOf((db) => new AuditStore(db).list(filter, { after: "f", limit: 10 }));
  // With several filters, the second statement says how far to look.
  expect(found).toHaveLength(Object.keys(filter).length > 1 ? 2 : 1);
  for (const { sql, plan } of found) {
    expect(plan, sql).toEqual([expect.stringMatching(/^SEARCH audit USING .*id[<>]/)]);
  }
});
