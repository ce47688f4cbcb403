/** Images in use are not deleted, and the preview says what keeps an image. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parsePolicy } from "../../src/retention/policy.ts";
import { PullStore } from "../../src/events/pull-store.ts";
import { RunStore } from "../../src/retention/run-store.ts";
import { RegistryClient } from "../support/client.ts";
import { Outbox } from "../support/events.ts";
import { blob, imageManifest, index as indexOf, type Manifest } from "../support/images.ts";
import {
  ANY,
  DAY,
  days,
  digestFor,
  KEEP,
  knowAllPulls,
  moreThan,
  type Piece,
  policyOf,
  prefixed,
  pulledBefore,
  pushedBefore,
  retentionOf,
  rule,
  runToEnd,
  Shelf,
  tagged,
} from "../support/retention.ts";

const UNUSED = policyOf(rule(1, { ...ANY, ...pulledBefore(90) }));

beforeEach(() => knowAllPulls());

describe("an image that nobody pulled for 100 days", () => {
  let outbox: Outbox;
  let client: RegistryClient;
  let over: (() => void)[];
  let child: Manifest;
  let index: Manifest;

  beforeEach(async () => {
    over = [];
    vi.spyOn(scheduler, "wait").mockImplementation(
      () => new Promise((resolve) => over.push(resolve)),
    );
    outbox = new Outbox();
    client = new RegistryClient({ send: outbox.send });
    const config = await client.pushBlob(blob());
    child = await client.pushManifest(imageManifest({ config }));
    index = await client.pushManifest(indexOf([child]), "v1");
    await env.DB.prepare(
      `UPDATE manifests SET pushed_at = pushed_at - ?1, created_at = created_at - ?1
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?2)`,
    )
      .bind(100 * DAY, client.repository)
      .run();
  });

  afterEach(() => vi.restoreAllMocks());

  /** Returns the tag's status after a policy was carried out. */
  async function afterwards(): Promise<number> {
    await outbox.deliver();
    await env.DB.prepare(`UPDATE repositories SET retention = ?1 WHERE name = ?2`)
      .bind(JSON.stringify(UNUSED), client.repository)
      .run();
    await runToEnd();
    const found = await client.head("manifests/v1");
    return found.status;
  }

  test("goes", async () => {
    expect(await afterwards()).toBe(404);
  });

  test.each([
    ["HEAD by tag", () => client.head("manifests/v1")],
    ["HEAD by digest", () => client.head(`manifests/${index.digest}`)],
    ["HEAD of its child", () => client.head(`manifests/${child.digest}`)],
    ["GET of its child", () => client.get(`manifests/${child.digest}`)],
    [
      "GET that tells what is there already",
      () => client.get("manifests/v1", { "if-none-match": `"${index.digest}"` }),
    ],
  ])("stays where there was a %s today", async (_, ask) => {
    expect((await ask()).status).toBeLessThan(400);
    // The events of the pushes wait to be handed on as well.
    for (const end of over.splice(0)) end();
    await expect.poll(() => outbox.messages.filter(({ kind }) => kind === "pulls")).toHaveLength(1);
    expect(await afterwards()).toBe(200);
  });
});

test("what is used between judgement and deletion stays, where the policy is about use", async () => {
  const pieces: Piece[] = [
    { name: "child", pushed: 100 },
    { name: "index", pushed: 100, tags: ["v1"], children: ["child"] },
    { name: "other", pushed: 100, tags: ["v2"] },
  ];
  const used = async (policy: object) => {
    const shelf = await Shelf.with(pieces);
    await shelf.setPolicy(policy);
    const runs = new RunStore(env.DB);
    const find = async () => {
      const run = await runs.find(shelf.id);
      if (run === null) throw new Error("there is no run");
      return run;
    };
    const day = Math.floor(Date.now() / DAY) - 1;
    const use = { repository: shelf.name, digest: digestFor("child"), day };
    // Each statement of the deletion runs after those of the evaluation.
    const db = new Proxy(env.DB, {
      get: (target, name) =>
        name === "batch"
          ? async (statements: D1PreparedStatement[]) => {
              await new PullStore(env.DB).use([use]);
              return target.batch(statements);
            }
          : (sql: string) => target.prepare(sql),
    });
    await retentionOf().step(await find(), 0);
    await retentionOf({ db }).step(await find(), 0);
    return shelf.gone();
  };
  expect(await used(UNUSED)).toEqual(["other"]);
  const byAge = policyOf(rule(1, { ...ANY, ...pushedBefore(90) }));
  expect(await used(byAge)).toEqual(["child", "index", "other"]);
});

/** Each group: by what, which rule, days since the last use, images, and some names. */
async function kept(shelf: Shelf, policy: object, grace = 0): Promise<unknown[]> {
  const page = await retentionOf({ grace }).preview(shelf.id, parsePolicy(policy), null, 100);
  expect(page.next).toBeNull();
  return page.kept.map(({ by, rule: of, usedOn, images, examples }) => {
    const names = examples.map(({ digest }) => shelf.nameOf(digest));
    return [by, of, usedOn === null ? null : Math.floor(Date.now() / DAY) - usedOn, images, names];
  });
}

describe("a preview says what keeps images that a rule would take", () => {
  test("the grace time", async () => {
    const shelf = await Shelf.with(["a", "b", "c"].map((name) => ({ name, tags: [name] })));
    const policy = policyOf(rule(1, { ...ANY, ...moreThan(1) }));
    expect(await kept(shelf, policy, DAY)).toEqual([["grace", null, null, 2, expect.anything()]]);
    expect(await kept(shelf, policy)).toEqual([]);
  });

  test("more than 100 tags, immutability, keep rules and use, each by itself", async () => {
    const many = Array.from({ length: 101 }, (_, i) => `t${i}`);
    const shelf = await Shelf.with(
      [
        { name: "tagged", pushed: 100, tags: many },
        { name: "prod", pushed: 100, tags: ["prod"] },
        { name: "lts", pushed: 100, tags: ["lts"] },
        { name: "used", pushed: 100, tags: ["used"], pulled: 40 },
        { name: "read", pushed: 100, tags: ["read"], pulled: 3 },
        { name: "idle", pushed: 100, tags: ["idle"], pulled: 99 },
        { name: "young", pushed: 9, tags: ["young"] },
      ],
      { immutable: [{ tags: "prod", except: [] }] },
    );
    const policy = policyOf(
      rule(1, { ...ANY, ...pulledBefore(90) }),
      rule(2, { ...tagged("lts*") }, KEEP),
    );
    const groups = await kept(shelf, policy);
    expect(groups).toHaveLength(4);
    expect(groups).toEqual(
      expect.arrayContaining([
        ["immutability", null, null, 1, ["prod"]],
        ["rule", 2, null, 1, ["lts"]],
        ["tags", null, null, 1, ["tagged"]],
        ["use", null, 3, 2, expect.arrayContaining(["read", "used"])],
      ]),
    );
    expect((await shelf.preview(policy)).map(({ image }) => image)).toEqual(["idle"]);
  });

  test("that use is not noted for long enough", async () => {
    await knowAllPulls(Date.now() - 10 * DAY);
    const shelf = await Shelf.with([{ name: "old", pushed: 100, tags: ["a"] }]);
    expect(await kept(shelf, UNUSED)).toEqual([["unknown", null, null, 1, ["old"]]]);
  });

  test("not what no rule would take in any case", async () => {
    const shelf = await Shelf.with([
      { name: "a", pushed: 100, tags: ["a1"], pulled: 1 },
      { name: "b", pushed: 10, tags: ["b1"] },
    ]);
    const policy = policyOf(
      rule(1, { ...prefixed("b"), ...days("sinceImagePushed", 90) }),
      rule(2, { ...prefixed("a") }, KEEP),
    );
    expect(await kept(shelf, policy)).toEqual([]);
  });

  test("each image once, on whatever pages", async () => {
    const pieces = Array.from({ length: 12 }, (_, i) => {
      return { name: `i${i}`, pushed: 100 + i, tags: [`v${i}`], ...(i % 2 ? { pulled: 1 } : {}) };
    });
    const shelf = await Shelf.with(pieces);
    const retention = retentionOf({ bounds: { page: 5, expiring: 2 } });
    let images = 0;
    let scan: Parameters<typeof retention.preview>[2] = null;
    do {
      const page = await retention.preview(shelf.id, parsePolicy(UNUSED), scan, 1);
      images += page.kept.reduce((sum, one) => sum + one.images, 0);
      scan = page.next;
    } while (scan !== null);
    expect(images).toBe(6);
  });
});
