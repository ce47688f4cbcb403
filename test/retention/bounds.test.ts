/** Bounds of what one tenant's policy and images may cost, so that others get their turns. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import { parsePolicy } from "../../src/retention/policy.ts";
import type { Expiring } from "../../src/retention/deletion-store.ts";
import type { Found } from "../../src/retention/store.ts";
import { RunStore } from "../../src/retention/run-store.ts";
import { type ExpiringImage, depthsOf, plan } from "../../src/retention/attachments.ts";
import type { Decision } from "../../src/retention/evaluate.ts";
import {
  ANY,
  digestFor,
  knowAllPulls,
  type Piece,
  policyOf,
  pushedBefore,
  retentionOf,
  rule,
  runToEnd,
  Shelf,
} from "../support/retention.ts";
import { turn } from "../support/jobs.ts";

const OLD = policyOf(rule(1, { ...ANY, ...pushedBefore(30) }));
/** D1 takes 2,000,000 bytes. */
const MAX_PARAMETER = 1_000_000;

beforeAll(() => knowAllPulls());
beforeEach(() => env.DB.prepare(`DELETE FROM retention_runs`).run());

/** Makes a D1 that reports each prepared statement with its parameters. */
function watched(see: (sql: string, parameters: readonly unknown[]) => void): D1Database {
  const watch = (sql: string, statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "bind") return (value as () => unknown).bind(target);
        return (...parameters: unknown[]) => {
          see(sql, parameters);
          return target.bind(...parameters);
        };
      },
    });
  return new Proxy(env.DB, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name === "prepare") return (sql: string) => watch(sql, target.prepare(sql));
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
}

/** Makes a D1 that never answers after a read of images, as if the Worker was killed: neither catch nor finally run. */
function killed(): D1Database {
  let isDead = false;
  return watched((sql) => {
    isDead ||= sql.includes("INDEXED BY manifests_by_push");
    if (isDead) throw new Error("killed");
  });
}

test("a run that ends the Worker goes to the back", async () => {
  const [heavy, other] = [await Shelf.with([]), await Shelf.with([{ name: "a", pushed: 40 }])];
  await heavy.setPolicy(OLD);
  await retentionOf().step(await run(heavy), 0);
  await heavy.makeDue();
  await expect(turn(retentionOf({ db: killed() }))).rejects.toThrow("killed");
  await env.DB.prepare(`UPDATE jobs SET lease_until = 0 WHERE name = 'retention'`).run();
  await other.setPolicy(OLD);
  expect(await new RunStore(env.DB).due()).toMatchObject({ id: other.id });
  await runToEnd();
  expect(await other.gone()).toEqual(["a"]);
  await heavy.makeDue();
  expect(await retentionOf().run(0)).toMatchObject({ ended: 1 });
});

async function run(shelf: Shelf) {
  const found = await new RunStore(env.DB).find(shelf.id);
  if (found === null) throw new Error("there is no run");
  return found;
}

/** Makes a D1 that moves the clock with every page of images. */
function slow(milliseconds: number): D1Database {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  return watched((sql) => {
    if (sql.includes("INDEXED BY manifests_by_push")) vi.setSystemTime(Date.now() + milliseconds);
  });
}

afterEach(() => void vi.useRealTimers());

const IMAGES = Array.from({ length: 9 }, (_, i) => ({ name: `i${i}`, pushed: i }));

test("slow pages are fewer, in one turn, one tick and one answer of a preview", async () => {
  const shelves = [await Shelf.with(IMAGES), await Shelf.with(IMAGES)] as const;
  for (const shelf of shelves) {
    await shelf.setPolicy(OLD);
    // Made due earlier than the clock, or the first one's next turn might come before the second one's.
    await shelf.makeDue();
  }
  const bounds = { page: 1 };
  // Both begin, and the first one has a page.
  expect(await retentionOf({ db: slow(40_000), bounds }).run(0)).toMatchObject({ steps: 3 });
  const retention = retentionOf({ db: slow(4_000), bounds });
  expect(await retention.step(await run(shelves[1]), 0)).toMatchObject({ cost: 3 });
  const policy = parsePolicy(OLD);
  const { next } = await retention.preview(shelves[1].id, policy, null, 100);
  expect(next).toMatchObject({ phase: "evaluate", after: [expect.any(Number), digestFor("i1")] });
});

const NONE: Decision = { rule: null, reason: "" };
const GOES: Decision = {
  rule: {
    priority: 1,
    description: "",
    tags: { status: "any" },
    action: "expire",
    count: { type: "sinceImagePushed", days: 1 },
  },
  reason: "",
};
const TIMES = { now: 1_000_000, grace: 0, usesSince: 0 };

function manifest(name: string, referencedBy: readonly string[] = [], pushedAt = 0): Found {
  return {
    digest: digestFor(name),
    pushedAt,
    subject: null,
    tags: [],
    referencedBy: referencedBy.map(digestFor),
    isPart: referencedBy.length > 0,
    isProtected: false,
    usedOn: null,
  };
}

/** Remembers how often something is looked for. */
class Counted extends Map<Digest, Found> {
  visits = 0;

  override get(digest: Digest): Found | undefined {
    this.visits++;
    return super.get(digest);
  }
}

test.each([true, false])("a lattice of indexes is looked at once; it goes: %s", (goes) => {
  const [layers, width] = [7, 12];
  const layer = (n: number) => Array.from({ length: width }, (_, i) => `l${n}n${i}`);
  const lattice = Array.from({ length: layers }, (_, n) =>
    layer(n).map((name) => manifest(name, n === 0 ? [] : layer(n - 1), 100)),
  ).flat();
  // The attachment belongs to all manifests of the last layer, and to an older image, which is evaluated now.
  const image = manifest("image");
  const part = manifest("part", ["image", ...layer(layers - 1)]);
  const all = new Counted();
  for (const one of [...lattice, image, part]) all.set(one.digest, one);
  let evaluated = 0;
  const evaluate = ({ digest }: Found) => {
    evaluated++;
    return goes || digest !== digestFor(`l0n${width - 1}`) ? GOES : NONE;
  };
  const expiring = plan([{ image, decision: GOES, attachments: [part] }], {
    found: all,
    evaluate,
    times: TIMES,
  });
  expect(expiring[0]?.attachments).toEqual(goes ? [part] : []);
  // Each manifest is read once for each manifest that it belongs to.
  const edges = layers * width * width;
  expect(all.visits).toBeLessThan(2 * edges);
  expect(evaluated).toBeLessThanOrEqual(width);
});

test("what belongs to each other without an image stays", () => {
  const [image, other] = [manifest("image"), manifest("other", [], 100)];
  const part = manifest("part", ["image", "a"]);
  const circle = [manifest("a", ["b", "other"]), manifest("b", ["a", "other"])];
  const all = [image, other, part, ...circle];
  const expiring = plan([{ image, decision: GOES, attachments: [part] }], {
    found: new Map(all.map((one) => [one.digest, one])),
    evaluate: () => GOES,
    times: TIMES,
  });
  expect(expiring[0]?.attachments).toEqual([]);
});

test("an owner that comes after its part goes before it", () => {
  const expiring: ExpiringImage[] = [
    { image: manifest("x"), decision: GOES, attachments: [manifest("part", ["x", "deep"])] },
    {
      image: manifest("y"),
      decision: GOES,
      attachments: [manifest("middle", ["y"]), manifest("deep", ["middle"])],
    },
  ];
  expect(Object.fromEntries(depthsOf(expiring))).toEqual({
    [digestFor("x")]: 0,
    [digestFor("y")]: 0,
    [digestFor("middle")]: 1,
    [digestFor("deep")]: 2,
    [digestFor("part")]: 3,
  });
});

test("many large families go in several batches, and all of them go", async () => {
  const [count, referrers] = [12, 299];
  const pieces: Piece[] = Array.from({ length: count }, (_, i) => [
    { name: `i${i}`, tags: [`t${i}`], pushed: 90 - i },
    ...Array.from({ length: referrers }, (__, n) => {
      return { name: `i${i}r${n}`, subject: `i${i}`, pushed: 40 };
    }),
  ]).flat();
  const shelf = await Shelf.with(pieces);
  await shelf.setPolicy(OLD);
  const proposed: number[] = [];
  let longest = 0;
  const db = watched((sql, parameters) => {
    const texts = parameters.filter((one) => typeof one === "string");
    longest = Math.max(longest, ...texts.map(({ length }) => length));
    const rows = sql.includes("INSERT INTO deletion_batch") ? texts.at(-1) : undefined;
    if (rows !== undefined) proposed.push((JSON.parse(rows) as unknown[]).length);
  });
  await runToEnd(retentionOf({ db }));
  expect(await shelf.live()).toEqual([]);
  expect(proposed).toEqual([900, 900, 900, 900]);
  expect(longest).toBeLessThan(MAX_PARAMETER);
  const { last } = (await env.DB.prepare(`SELECT last FROM retention_runs WHERE repository_id = ?1`)
    .bind(shelf.id)
    .first<{ last: string }>()) ?? { last: "{}" };
  expect(JSON.parse(last)).toMatchObject({ images: count, manifests: count * (referrers + 1) });
});

test("an image whose own rows are too many for a batch goes all the same", async () => {
  const shelf = await Shelf.with(
    ["a", "b", "c"].flatMap((name): Piece[] => [
      { name, tags: ["1", "2", "3"].map((tag) => name + tag), pushed: 90 },
      { name: `${name}r`, subject: name, pushed: 40 },
    ]),
  );
  await shelf.setPolicy(OLD);
  await runToEnd(retentionOf({ bounds: { rows: 2 } }));
  expect(await shelf.live()).toEqual([]);
  const shown = await shelf.preview(OLD, { retention: retentionOf({ bounds: { rows: 2 } }) });
  expect(shown).toEqual([]);
});

test("what is too long for one parameter is in several", async () => {
  const shelf = await Shelf.with(["first", "middle", "last"].map((name) => ({ name, pushed: 40 })));
  await shelf.setPolicy(OLD);
  await retentionOf().step(await run(shelf), 0);
  const begun = await run(shelf);
  const { results } = await env.DB.prepare(
    `SELECT digest, pushed_at AS pushedAt FROM manifests WHERE repository_id = ?1`,
  )
    .bind(shelf.id)
    .all<{ digest: Digest; pushedAt: number }>();
  const manifests = results.map(({ digest, pushedAt }, i): Expiring => {
    return { digest, root: digest, depth: 0, at: i + 1, pushedAt, usedOn: null, tags: [] };
  });
  const tags = Array.from({ length: 100 }, (_, i) => `${"t".repeat(120)}${i}`);
  // None of them is there.
  const others = Array.from({ length: 100 }, (_, i): Expiring => {
    const digest = digestFor(`other${i}`);
    return { digest, root: digest, depth: 0, at: i + 10, pushedAt: 0, usedOn: null, tags };
  });
  const lengths: number[] = [];
  const db = watched((_sql, parameters) => {
    for (const one of parameters) if (typeof one === "string") lengths.push(one.length);
  });
  const [first, middle, last] = manifests as [Expiring, Expiring, Expiring];
  const all = [first, ...others.slice(0, 50), middle, ...others.slice(50), last];
  const progress = { policy: begun.inForce ?? "", state: {}, nextAt: 0 };
  const expiry = { manifests: all, byUse: false, entries: [] };
  expect(await new RunStore(db).save(begun, progress, expiry)).toBe(true);
  expect(await shelf.gone()).toEqual(["first", "last", "middle"]);
  expect(Math.max(...lengths)).toBeLessThan(MAX_PARAMETER);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(MAX_PARAMETER);
});
