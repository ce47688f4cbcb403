/** Policies are carried out step by step, also after a crash, next to pushes, and only while they are in force. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Tag } from "../../src/oci/reference.ts";
import { PolicyStore } from "../../src/retention/policy-store.ts";
import { RunStore } from "../../src/retention/run-store.ts";
import { RestoreStore } from "../../src/trash/store.ts";
import type { Retention } from "../../src/retention/job.ts";
import { uniqueRepository } from "../support/images.ts";
import {
  ANY,
  cosignTag,
  DAY,
  digestFor,
  knowAllPulls,
  moreThan,
  type Piece,
  policyOf,
  pulledBefore,
  pushedBefore,
  retentionOf,
  rule,
  runToEnd,
  Shelf,
  tagged,
  UNTAGGED,
} from "../support/retention.ts";
import { turn } from "../support/jobs.ts";

const INITIATOR = {
  actor: "t",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "",
};
const OLD = policyOf(rule(1, { ...ANY, ...pushedBefore(30) }));
const FIVE = policyOf(rule(1, { ...tagged("t*"), ...moreThan(5) }));

beforeAll(() => knowAllPulls());
// No other test's repositories are due.
beforeEach(() => env.DB.prepare(`DELETE FROM retention_runs`).run());

/** Makes that many images, the last pushed first. */
function images(count: number): Piece[] {
  return Array.from({ length: count }, (_, i) => {
    return { name: `i${String(i).padStart(3, "0")}`, tags: [`t${i}`], pushed: 40 + i };
  });
}

function namesFrom(first: number, count: number): string[] {
  return images(count).flatMap(({ name }, i) => (i < first ? [] : name));
}

async function run(shelf: Shelf) {
  const found = await new RunStore(env.DB).find(shelf.id);
  if (found === null) throw new Error("there is no run");
  return found;
}

/** Counts the repositories with a run. */
async function runs(): Promise<number> {
  const found = await env.DB.prepare(`SELECT count(*) AS n FROM retention_runs`).first<{
    n: number;
  }>();
  return found?.n ?? -1;
}

async function row(shelf: Shelf): Promise<Record<string, unknown>> {
  const found = await env.DB.prepare(`SELECT * FROM retention_runs WHERE repository_id = ?1`)
    .bind(shelf.id)
    .first();
  return found ?? {};
}

async function expiries(shelf: Shelf): Promise<Record<string, unknown>[]> {
  const { results } = await env.DB.prepare(
    `SELECT actor, via, reference, digest, detail FROM audit
     WHERE repository = ?1 AND action = 'manifest.expire' ORDER BY reference`,
  )
    .bind(shelf.name)
    .all();
  return results;
}

describe("the steps of a policy's run", () => {
  test.each([1, 2, 3, 7, 20, 21, 22, 100])("pages of %i", async (page) => {
    const shelf = await Shelf.with(images(21));
    await shelf.setPolicy(FIVE);
    await runToEnd(retentionOf({ bounds: { page, expiring: 50 } }));
    expect(await shelf.gone()).toEqual(namesFrom(5, 21));
  });

  test.each([1, 2, 5, 16, 17])("take at most %i images at once", async (expiring) => {
    const shelf = await Shelf.with(images(21));
    await shelf.setPolicy(FIVE);
    await runToEnd(retentionOf({ bounds: { page: 9, expiring } }));
    expect(await shelf.gone()).toEqual(namesFrom(5, 21));
  });

  test("one tick takes a bounded number of steps, and the next goes on", async () => {
    const shelf = await Shelf.with(images(60));
    await shelf.setPolicy(FIVE);
    const retention = retentionOf({ bounds: { page: 1, expiring: 1 } });
    const { ended } = await retention.run(0);
    expect(ended).toBe(0);
    const left = (await shelf.live()).length;
    expect(left).toBeGreaterThan(5);
    expect(left).toBeLessThan(60);
    await runToEnd(retention);
    expect(await shelf.gone()).toEqual(namesFrom(5, 60));
  });

  test("repositories take turns", async () => {
    const shelves = [await Shelf.with(images(60)), await Shelf.with(images(60))];
    for (const shelf of shelves) await shelf.setPolicy(FIVE);
    await turn(retentionOf({ bounds: { page: 1, expiring: 1 } }));
    for (const shelf of shelves) expect((await shelf.live()).length).toBeLessThan(60);
  });

  test("one at a time: nothing is done while another is at it", async () => {
    const shelf = await Shelf.with(images(9));
    await shelf.setPolicy(FIVE);
    await env.DB.prepare(`UPDATE jobs SET lease_until = ?1 WHERE name = 'retention'`)
      .bind(Date.now() + 60_000)
      .run();
    expect(await turn(retentionOf())).toBeNull();
    await env.DB.prepare(`UPDATE jobs SET lease_until = 0 WHERE name = 'retention'`).run();
    await runToEnd();
    expect(await shelf.gone()).toEqual(namesFrom(5, 9));
  });

  test("what has ended is done again a day after it began, and says what it did", async () => {
    const shelf = await Shelf.with([...images(7), { name: "sig", pushed: 40, subject: "i006" }]);
    await shelf.setPolicy(FIVE);
    const before = Date.now();
    await runToEnd();
    const { next_at: next, last, policy, state, images: count } = await row(shelf);
    expect({ policy, state, count }).toEqual({ policy: null, state: null, count: 0 });
    const report = JSON.parse(String(last)) as { beganAt: number; endedAt: number };
    expect(report).toMatchObject({ images: 2, manifests: 3 });
    expect(report.beganAt).toBeGreaterThanOrEqual(before);
    expect(next).toBe(report.beganAt + DAY);
    await shelf.add([{ name: "new", tags: ["t-new"], pushed: 0.001 }]);
    await runToEnd();
    expect(await shelf.gone()).toEqual(["i005", "i006", "sig"]);
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.gone()).toEqual(["i004", "i005", "i006", "sig"]);
  });

  test("each image that goes is noted, with the rule", async () => {
    const shelf = await Shelf.with([
      { name: "child", pushed: 40 },
      { name: "index", tags: ["a", "b"], pushed: 40, children: ["child"] },
      { name: "optional", pushed: 41 },
    ]);
    const described = { ...rule(7, { ...ANY, ...pushedBefore(30) }), description: "old ones" };
    await shelf.setPolicy(policyOf(described));
    await runToEnd();
    const why = "rule 7: pushed more than 30 days ago";
    const by = { actor: null, via: "retention" };
    expect(await expiries(shelf)).toEqual([
      { ...by, reference: null, digest: digestFor("optional"), detail: `${why} (old ones)` },
      {
        ...by,
        reference: "a,b",
        digest: digestFor("index"),
        detail: `${why}, with 1 that belong to it (old ones)`,
      },
    ]);
  });

  test("the grace time: what was pushed lately stays, and so does a child that was", async () => {
    const shelf = await Shelf.with([
      { name: "fresh child", pushed: 0.5 },
      { name: "old child", pushed: 40 },
      { name: "index", tags: ["t"], pushed: 40, children: ["fresh child", "old child"] },
      { name: "scan", pushed: 0.5, subject: "index" },
      { name: "optional", pushed: 0.9 },
      { name: "older", pushed: 1.1 },
      { name: "kept", pushed: 0.1 },
    ]);
    const policy = policyOf(
      rule(1, { ...UNTAGGED, ...moreThan(1) }),
      rule(2, { ...ANY, ...pushedBefore(30) }),
    );
    const retention = retentionOf({ grace: DAY });
    const previewed = await shelf.preview(policy, { retention });
    await shelf.setPolicy(policy);
    await runToEnd(retention);
    const gone = ["index", "old child", "older", "scan"];
    expect(await shelf.gone()).toEqual(gone);
    expect(
      previewed.flatMap(({ image, attachments }) => [image, ...attachments]).toSorted(),
    ).toEqual(gone);
  });

  test("pulls that nobody noted yet are not taken for none", async () => {
    const shelf = await Shelf.with([{ name: "A", tags: ["a"], pushed: 99 }]);
    await shelf.setPolicy(policyOf(rule(1, { ...ANY, ...pulledBefore(30) })));
    await knowAllPulls(Date.now() - 20 * DAY);
    await runToEnd();
    expect(await shelf.gone()).toEqual([]);
    await knowAllPulls(Date.now() - 31 * DAY);
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.gone()).toEqual(["A"]);
    await knowAllPulls();
  });

  test("what belongs to what goes in this run is judged in the next one", async () => {
    const shelf = await Shelf.with([
      { name: "child", tags: ["amd64"], pushed: 50 },
      { name: "index", tags: ["t"], pushed: 40, children: ["child"] },
    ]);
    await shelf.setPolicy(OLD);
    const retention = retentionOf({ bounds: { page: 1, expiring: 1 } });
    await runToEnd(retention);
    expect(await shelf.gone()).toEqual(["index"]);
    await shelf.makeDue();
    await runToEnd(retention);
    expect(await shelf.gone()).toEqual(["child", "index"]);
  });

  test("a preview lists what goes with the last of its owners, wherever the pages end", async () => {
    const shelf = await Shelf.with([
      { name: "image", pushed: 60 },
      { name: "new index", tags: ["new"], pushed: 40, children: ["image"] },
      { name: "scan", pushed: 55, subject: "image" },
      { name: "old index", tags: ["old"], pushed: 61, children: ["scan"] },
    ]);
    const retention = retentionOf({ bounds: { page: 2 } });
    const previewed = await shelf.preview(OLD, { retention });
    await shelf.setPolicy(OLD);
    await runToEnd(retention);
    expect(await shelf.live()).toEqual([]);
    expect(previewed.map(({ image, attachments }) => [image, ...attachments])).toEqual([
      ["new index", "image"],
      ["old index", "scan"],
    ]);
  });

  test("an image with more tags than are looked at stays", async () => {
    const tags = Array.from({ length: 101 }, (_, i) => `a${i}`);
    const shelf = await Shelf.with([
      { name: "many", tags, pushed: 99 },
      { name: "fewer", tags: tags.slice(1).map((tag) => `b${tag}`), pushed: 99 },
    ]);
    await shelf.setPolicy(OLD);
    await runToEnd();
    expect(await shelf.gone()).toEqual(["fewer"]);
  });

  test("of a large family some go, and the others later", async () => {
    const children = Array.from({ length: 320 }, (_, i) => `c${i}`);
    const shelf = await Shelf.with([
      ...children.map((name) => ({ name, pushed: 50 })),
      { name: "index", tags: ["t"], pushed: 40, children },
    ]);
    const previewed = await shelf.preview(OLD);
    await shelf.setPolicy(OLD);
    await runToEnd();
    const gone = await shelf.gone();
    expect(gone).toHaveLength(301);
    expect(
      previewed.flatMap(({ image, attachments }) => [image, ...attachments]).toSorted(),
    ).toEqual(gone);
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.live()).toEqual([]);
  });

  test("a child that more indexes name than are looked at stays", async () => {
    const indexes = Array.from({ length: 51 }, (_, i) => {
      return { name: `x${i}`, tags: [`t${i}`], pushed: 60 - i / 10, children: ["shared"] };
    });
    const shelf = await Shelf.with([{ name: "shared", pushed: 90 }, ...indexes]);
    await shelf.setPolicy(OLD);
    await runToEnd();
    expect(await shelf.live()).toEqual(["shared"]);
  });
});

/** Makes a database whose batches fail after some calls: before they take effect, or after, with the answer lost. */
function failing(fuse: { left: number }, when: "before" | "after"): D1Database {
  return new Proxy(env.DB, {
    get(target, name) {
      if (name !== "batch") return (sql: string) => target.prepare(sql);
      return async (statements: D1PreparedStatement[]) => {
        const fails = fuse.left-- === 0;
        if (fails && when === "before") throw new Error("the database is gone");
        const results = await target.batch(statements);
        if (fails) throw new Error("the answer is lost");
        return results;
      };
    },
  });
}

describe.each(["before", "after"] as const)("a crash %s a batch", (when) => {
  test("leaves nothing half done, and what follows does the rest once", async () => {
    let failures = 0;
    for (let left = 0; left < 8; left++) {
      const shelf = await Shelf.with(images(12));
      await shelf.setPolicy(FIVE);
      const bounds = { page: 3, expiring: 2 };
      const retention = retentionOf({ db: failing({ left }, when), bounds });
      const fails = await turn(retention).then(
        () => false,
        () => true,
      );
      const gone = await shelf.gone();
      expect(await shelf.tags()).toHaveLength(12 - gone.length);
      expect(await expiries(shelf)).toHaveLength(gone.length);
      const { results } = await env.DB.prepare(`SELECT * FROM deletion_batch`).all();
      expect(results).toEqual([]);
      await shelf.makeDue();
      await runToEnd(retentionOf({ bounds }));
      expect(await shelf.gone()).toEqual(namesFrom(5, 12));
      expect(await expiries(shelf)).toHaveLength(7);
      // Without a failure it was done before, and this was another run.
      const { last } = await row(shelf);
      expect(JSON.parse(String(last))).toMatchObject({ images: fails ? 7 : 0 });
      failures += fails ? 1 : 0;
    }
    expect(failures).toBeGreaterThan(2);
  });
});

test("what fails in one repository is tried again later, and keeps no other waiting", async () => {
  const broken = await Shelf.with(images(9));
  await broken.setPolicy(FIVE);
  await env.DB.prepare(`UPDATE repositories SET retention = '{"rules":1}' WHERE id = ?1`)
    .bind(broken.id)
    .run();
  const shelf = await Shelf.with(images(9));
  await shelf.setPolicy(FIVE);
  await expect(turn(retentionOf())).rejects.toThrow("rules: a list of rules is missing");
  expect(await shelf.gone()).toEqual(namesFrom(5, 9));
  expect(Number((await row(broken))["next_at"])).toBeGreaterThan(Date.now() + 3_000_000);
  expect(await retentionOf().run(0)).toMatchObject({ steps: 0 });
});

test("two that take the same step: one of them does it", async () => {
  const shelf = await Shelf.with(images(9));
  await shelf.setPolicy(FIVE);
  const retention = retentionOf({ bounds: { page: 50, expiring: 1 } });
  await retention.step(await run(shelf), 0);
  const same = await run(shelf);
  await Promise.all([retention.step(same, 0), retention.step(same, 0)]);
  expect(await shelf.gone()).toEqual(["i005"]);
  expect(await expiries(shelf)).toHaveLength(1);
});

function of(shelf: Shelf, name: string): [number, string] {
  return [shelf.id, digestFor(name)];
}

test("who comes late, when the run has gone on, does nothing", async () => {
  const shelf = await Shelf.with(images(9));
  await shelf.setPolicy(FIVE);
  const retention = retentionOf();
  await retention.step(await run(shelf), 0);
  const late = await run(shelf);
  await env.DB.prepare(`UPDATE retention_runs SET step = step + 1 WHERE repository_id = ?1`)
    .bind(shelf.id)
    .run();
  const before = await row(shelf);
  await retention.step(late, 0);
  expect(await shelf.gone()).toEqual([]);
  expect(await row(shelf)).toEqual(before);
});

/** Runs a change between the reading of a page and the deletion batch. */
async function meanwhile(pieces: readonly Piece[], change: (shelf: Shelf) => Promise<unknown>) {
  const shelf = await Shelf.with(pieces);
  await shelf.setPolicy(OLD);
  let isChanged = false;
  const db = new Proxy(env.DB, {
    get(target, name) {
      if (name !== "batch") return (sql: string) => target.prepare(sql);
      return async (statements: D1PreparedStatement[]) => {
        // The batch that deletes is the first one with many statements.
        if (!isChanged && statements.length > 4) {
          isChanged = true;
          await change(shelf);
        }
        return target.batch(statements);
      };
    },
  });
  await turn(retentionOf({ db }));
  expect(isChanged).toBe(true);
  const { results } = await env.DB.prepare(`SELECT * FROM deletion_batch`).all();
  expect(results).toEqual([]);
  return shelf;
}

const sql = (text: string, ...values: (string | number)[]) =>
  env.DB.prepare(text)
    .bind(...values)
    .run();

describe("what changes between the reading and the deletion", () => {
  const FAMILY: Piece[] = [
    { name: "child", pushed: 99 },
    { name: "index", tags: ["v1"], pushed: 99, children: ["child"] },
    { name: "sig", pushed: 99, subject: "index" },
    { name: "att", tags: [cosignTag("index", ".att")], pushed: 99 },
    { name: "other", tags: ["v2"], pushed: 99 },
  ];
  const ALL = ["att", "child", "index", "other", "sig"];

  test("nothing: all goes", async () => {
    const shelf = await meanwhile(FAMILY, () => Promise.resolve());
    expect(await shelf.gone()).toEqual(ALL);
  });

  test("an image that is pushed again stays, with all that belongs to it", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      sql(
        `UPDATE manifests SET pushed_at = ?3 WHERE repository_id = ?1 AND digest = ?2`,
        ...of(changed, "index"),
        Date.now(),
      ),
    );
    expect(await shelf.gone()).toEqual(["other"]);
    expect(await shelf.tags()).toEqual([cosignTag("index", ".att"), "v1"]);
    expect(await expiries(shelf)).toHaveLength(1);
  });

  test("a child that is pushed again stays alone", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      sql(
        `UPDATE manifests SET pushed_at = ?3 WHERE repository_id = ?1 AND digest = ?2`,
        ...of(changed, "child"),
        Date.now(),
      ),
    );
    expect(await shelf.gone()).toEqual(["att", "index", "other", "sig"]);
  });

  test("an image that a tag is moved to stays", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      sql(
        `UPDATE tags SET digest = ?2 WHERE repository_id = ?1 AND name = 'v2'`,
        ...of(changed, "index"),
      ),
    );
    // The one that lost its tag is no longer as it was evaluated either.
    expect(await shelf.gone()).toEqual([]);
    expect(await shelf.tags()).toEqual([cosignTag("index", ".att"), "v1", "v2"]);
  });

  test("a part that gets a tag of its own stays", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      sql(
        `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?1, 'mine', ?2, 0)`,
        ...of(changed, "child"),
      ),
    );
    expect(await shelf.gone()).toEqual(["att", "index", "other", "sig"]);
    expect(await shelf.tags()).toEqual(["mine"]);
  });

  test("a child that another index comes to name stays", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      changed.add([{ name: "new", tags: ["new"], children: ["child"] }]),
    );
    expect(await shelf.live()).toEqual(["child", "new"]);
  });

  test("an image that an index comes to name stays, with all that belongs to it", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      changed.add([{ name: "new", tags: ["new"], children: ["index"] }]),
    );
    expect(await shelf.gone()).toEqual(["other"]);
  });

  test("a referrer that comes stays, and is none of the run's", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      changed.add([{ name: "late", subject: "index" }]),
    );
    expect(await shelf.gone()).toEqual(ALL);
    expect(await shelf.live()).toEqual(["late"]);
  });

  test("an image whose tag becomes immutable stays", async () => {
    const shelf = await meanwhile(FAMILY, (changed) =>
      sql(
        `UPDATE repositories SET immutable_tags = '[{"tags":"v1","except":[]}]' WHERE id = ?1`,
        changed.id,
      ),
    );
    expect(await shelf.gone()).toEqual(["other"]);
  });

  test("an image that is deleted by hand takes nothing with it here", async () => {
    const shelf = await meanwhile(FAMILY, async (changed) => {
      await sql(
        `DELETE FROM tags WHERE repository_id = ?1 AND digest = ?2`,
        ...of(changed, "index"),
      );
      await sql(
        `UPDATE manifests SET deleted_at = 5, deleted_by = 'x' WHERE repository_id = ?1 AND digest = ?2`,
        ...of(changed, "index"),
      );
    });
    expect(await shelf.gone()).toEqual(["index", "other"]);
  });

  test("another policy, or none: nothing goes by the old one", async () => {
    const policies = new PolicyStore(env.DB);
    for (const change of [
      (shelf: Shelf) => shelf.setPolicy(FIVE),
      (shelf: Shelf) => policies.removeRepository(shelf.name, INITIATOR),
      (shelf: Shelf) =>
        sql(
          `UPDATE repositories SET name = '~' || id, former_name = name, deleted_at = 5 WHERE id = ?1`,
          shelf.id,
        ),
    ]) {
      const shelf = await meanwhile(FAMILY, change);
      expect(await shelf.gone()).toEqual([]);
      await runToEnd();
      expect(await shelf.gone()).toEqual([]);
    }
  });
});

describe("policies", () => {
  const policies = new PolicyStore(env.DB);
  const text = JSON.stringify;

  test("one that is changed on the way begins anew, at once", async () => {
    const shelf = await Shelf.with(images(30));
    await shelf.setPolicy(FIVE);
    const retention = retentionOf({ bounds: { page: 4, expiring: 1 } });
    for (let i = 0; i < 4; i++) await retention.step(await run(shelf), 0, 3);
    const gone = await shelf.gone();
    expect(gone.length).toBeGreaterThan(0);
    await shelf.setPolicy(policyOf(rule(1, { ...tagged("t*"), ...moreThan(20) })));
    await runToEnd();
    expect(await shelf.gone()).toEqual([...gone, ...namesFrom(20 + gone.length, 30)]);
  });

  test("a namespace's holds where there is no other", async () => {
    const namespace = uniqueRepository().replace("test/", "ns-");
    const names = [namespace, `${namespace}/a`, `${namespace}/b/c`, `${namespace}-other/x`];
    const shelves = await Promise.all(names.map((name) => Shelf.with(images(8), { name })));
    const [bare, plain, own, other] = shelves as [Shelf, Shelf, Shelf, Shelf];
    await own.setPolicy(policyOf(rule(1, { ...tagged("t*"), ...moreThan(7) })));
    await policies.setNamespace(namespace as never, text(FIVE), INITIATOR);
    await runToEnd();
    expect(await bare.gone()).toEqual(namesFrom(5, 8));
    expect(await plain.gone()).toEqual(namesFrom(5, 8));
    expect(await own.gone()).toEqual(namesFrom(7, 8));
    expect(await other.gone()).toEqual([]);
    expect(await policies.ofRepository(plain.name)).toMatchObject({ of: "namespace" });
    expect(await policies.ofRepository(own.name)).toMatchObject({ of: "repository" });

    // A new policy is carried out at once, in every repository where it is in force.
    await policies.setNamespace(
      namespace as never,
      text(policyOf(rule(1, { ...tagged("t*"), ...moreThan(3) }))),
      INITIATOR,
    );
    await policies.removeRepository(own.name, INITIATOR);
    await runToEnd();
    for (const shelf of [bare, plain, own]) expect(await shelf.gone()).toEqual(namesFrom(3, 8));

    // A repository that comes later has it too.
    const late = await Shelf.with(images(8), { name: `${namespace}/late` });
    await runToEnd();
    expect(await late.gone()).toEqual(namesFrom(3, 8));

    await policies.removeNamespace(namespace as never, INITIATOR);
    await late.add([{ name: "new", tags: ["t-new"], pushed: 1 }]);
    await late.makeDue();
    await runToEnd();
    expect(await late.gone()).toEqual(namesFrom(3, 8));
    expect(await row(late)).toEqual({});
  });

  test("a large namespace is gone through in pieces", async () => {
    const namespace = uniqueRepository().replace("test/", "ns-");
    await Shelf.with([], { name: `${namespace}/r0000` });
    await sql(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
       INSERT INTO repositories (name, created_at) SELECT ?1 || printf('/r%04d', i), 0 FROM n`,
      namespace,
    );
    await policies.setNamespace(namespace as never, text(OLD), INITIATOR);
    const index = new RunStore(env.DB);
    expect(await index.clearBacklog()).toBe(true);
    expect(await runs()).toBe(500);
    // A policy that is set again in the middle starts from the beginning.
    await policies.setNamespace(namespace as never, text(FIVE), INITIATOR);
    for (let i = 0; i < 3; i++) expect(await index.clearBacklog()).toBe(true);
    expect(await index.clearBacklog()).toBe(false);
    expect(await runs()).toBe(1_101);
  });

  test("a deleted repository rests, and goes on when it is restored", async () => {
    const shelf = await Shelf.with(images(8));
    await shelf.setPolicy(FIVE);
    await sql(
      `UPDATE repositories SET name = '~' || id, former_name = name, deleted_at = 5 WHERE id = ?1`,
      shelf.id,
    );
    await runToEnd();
    expect(await shelf.gone()).toEqual([]);
    await sql(
      `UPDATE repositories SET name = former_name, former_name = NULL, deleted_at = NULL WHERE id = ?1`,
      shelf.id,
    );
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.gone()).toEqual(namesFrom(5, 8));
  });
});

describe("what went can be brought back", () => {
  const trash = new RestoreStore(env.DB, DAY);
  const PIECES: Piece[] = [
    { name: "leaf", pushed: 99 },
    { name: "inner", pushed: 99, children: ["leaf"] },
    { name: "outer", tags: ["a", "b"], pushed: 99, children: ["inner"] },
    { name: "sbom", pushed: 99, subject: "leaf" },
    { name: "sig of sbom", tags: [cosignTag("sbom")], pushed: 99 },
    { name: "att", tags: [cosignTag("outer", ".att")], pushed: 99 },
    { name: "neighbour", tags: ["c"], pushed: 99 },
  ];
  const expired = async (): Promise<Shelf> => {
    const shelf = await Shelf.with(PIECES);
    await shelf.setPolicy(OLD);
    await runToEnd();
    expect(await shelf.live()).toEqual([]);
    return shelf;
  };
  const FAMILY = ["att", "inner", "leaf", "outer", "sbom", "sig of sbom"];
  const TAGS = [cosignTag("outer", ".att"), cosignTag("sbom"), "a", "b"].toSorted();

  test("an image, by one restoration, with all that went with it, and nothing else", async () => {
    const shelf = await expired();
    await trash.restoreManifest(shelf.name, digestFor("outer"), INITIATOR);
    expect(await shelf.live()).toEqual(FAMILY);
    expect(await shelf.tags()).toEqual(TAGS);
  });

  test("by one of its tags", async () => {
    const shelf = await expired();
    await trash.restoreTag(shelf.name, "a" as Tag, null, INITIATOR);
    expect(await shelf.live()).toEqual(FAMILY);
    expect(await shelf.tags()).toContain("a");
  });

  test("and stays: to the policy it is as if it were pushed then", async () => {
    const shelf = await expired();
    await trash.restoreManifest(shelf.name, digestFor("outer"), INITIATOR);
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.live()).toEqual(FAMILY);
  });

  test("a rule that counts takes it for the youngest", async () => {
    const shelf = await Shelf.with(images(7));
    await shelf.setPolicy(FIVE);
    await runToEnd();
    expect(await shelf.gone()).toEqual(["i005", "i006"]);
    await trash.restoreManifest(shelf.name, digestFor("i006"), INITIATOR);
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.gone()).toEqual(["i004", "i005"]);
  });

  test("by version it is what it was, and goes again", async () => {
    const shelf = await Shelf.with(
      [1, 2, 3].map((n) => ({ name: `v${n}`, tags: [`v${n}.0.0`], pushed: 40 })),
    );
    await shelf.setPolicy(
      policyOf(rule(1, { ...tagged("v*"), ...moreThan(2), orderBy: "semver" })),
    );
    await runToEnd();
    await trash.restoreManifest(shelf.name, digestFor("v1"), INITIATOR);
    expect(await shelf.gone()).toEqual([]);
    await shelf.makeDue();
    await runToEnd();
    expect(await shelf.gone()).toEqual(["v1"]);
  });

  test("each image's moment is its own", async () => {
    const shelf = await Shelf.with(images(30));
    await shelf.setPolicy(FIVE);
    // With a clock that stands still, the moments must still differ.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    await runToEnd(retentionOf({ bounds: { page: 7, expiring: 3 } }));
    vi.useRealTimers();
    const { results } = await env.DB.prepare(
      `SELECT DISTINCT deleted_at FROM manifests WHERE repository_id = ?1 AND deleted_at IS NOT NULL`,
    )
      .bind(shelf.id)
      .all();
    expect(results).toHaveLength(25);
  });
});

test("a preview changes nothing, and goes on where it ended", async () => {
  const shelf = await Shelf.with(images(40));
  const tables = ["manifests", "tags", "tag_history", "audit", "retention_runs", "jobs"];
  const contents = async () =>
    (await env.DB.batch(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`)))).map(
      ({ results }) => results,
    );
  const before = await contents();
  const retention: Retention = retentionOf({ bounds: { page: 3, expiring: 2 } });
  const found = await shelf.preview(FIVE, { limit: 4, retention });
  expect(found.map(({ image }) => image)).toEqual(namesFrom(5, 40));
  expect(found[0]).toMatchObject({ rule: 1, reason: "not one of the 5 last pushed" });
  expect(await contents()).toEqual(before);
});
