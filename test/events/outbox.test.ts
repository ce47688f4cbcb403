/** Events get their numbers with their changes, and are handed on afterwards: once at least, in order, to each subscriber. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import {
  auditChange,
  type AuditEntry,
  auditEvent,
  BY_ITSELF,
  insertEvents,
} from "../../src/db/audit.ts";
import { JobStore } from "../../src/db/jobs.ts";
import type { Action } from "../../src/events/catalogue.ts";
import { Dispatcher } from "../../src/events/dispatcher.ts";
import { OutboxStore } from "../../src/events/outbox-store.ts";
import type { Delivery, Subscription } from "../../src/events/subscriber.ts";
import { JobRunner } from "../../src/jobs/runner.ts";
import { tableScans, plansOf } from "../support/plans.ts";

const outbox = new OutboxStore(env.DB);
const runner = new JobRunner(new JobStore(env.DB), []);

function refuse(): Promise<void> {
  return Promise.reject(new Error("the queue is not delivered here"));
}

/** A queue that keeps what it takes. @param before is called before it takes a batch */
class Kept {
  readonly deliveries: Delivery[] = [];
  readonly sizes: number[] = [];
  readonly subscription: Subscription;

  constructor(
    name: string,
    { actions = ["tag.delete"] as readonly Action[], before = async (): Promise<void> => {} } = {},
  ) {
    const queue = {
      sendBatch: async (messages: readonly { body: Delivery }[]) => {
        await before();
        this.sizes.push(messages.length);
        this.deliveries.push(...messages.map(({ body }) => structuredClone(body)));
      },
    };
    this.subscription = { subscriber: { name, actions, receive: refuse }, queue: queue as never };
  }

  get orders(): number[] {
    return this.deliveries.map(({ event }) => event.order);
  }
}

/** Hands events on to some queues. @returns whether more is due; null while another dispatcher is at it */
function dispatch(...queues: readonly Kept[]): Promise<boolean | null> {
  const subscriptions = queues.map(({ subscription }) => subscription);
  return runner.turn(new Dispatcher(outbox, subscriptions));
}

const TAG: AuditEntry = { action: "tag.delete", repository: "acme/app", reference: "v1" };

async function change(count = 1, entry: AuditEntry = TAG): Promise<void> {
  const events = Array.from({ length: count }, () => auditEvent(BY_ITSELF, entry, "done"));
  await insertEvents(env.DB, events).run();
}

async function numbers(): Promise<number[]> {
  const { results } = await env.DB.prepare(`SELECT seq FROM outbox ORDER BY seq`).all<{
    seq: number;
  }>();
  return results.map(({ seq }) => seq);
}

function from(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

beforeEach(async () => {
  const reset = [
    `DELETE FROM outbox`,
    `DELETE FROM audit`,
    `DELETE FROM jobs WHERE name = 'events'`,
    `UPDATE sqlite_sequence SET seq = 0 WHERE name = 'outbox'`,
  ];
  await env.DB.batch(reset.map((sql) => env.DB.prepare(sql)));
});

describe("the numbers of events", () => {
  test("have no gap after a batch that failed", async () => {
    await change();
    const failing = env.DB.batch([
      auditChange(env.DB, BY_ITSELF, TAG),
      env.DB.prepare(`INSERT INTO jobs (name) VALUES (NULL)`),
    ]);
    await expect(failing).rejects.toThrow("NOT NULL");
    await change();
    expect(await numbers()).toEqual([1, 2]);
  });

  test("are not used again once all rows have gone", async () => {
    await change(2);
    await outbox.forget(2);
    await change();
    expect(await numbers()).toEqual([3]);
  });

  test("are given to what was done, once, and to nothing else", async () => {
    const done = auditEvent(BY_ITSELF, TAG, "done");
    const others = (["denied", "failed"] as const).map((outcome) =>
      auditEvent(BY_ITSELF, TAG, outcome),
    );
    await insertEvents(env.DB, [done, done, ...others]).run();
    await insertEvents(env.DB, [done]).run();
    expect(await numbers()).toEqual([1]);
  });

  test("cost a change two written rows: its own, and that of the last number", async () => {
    const { sql } = (await env.DB.prepare(
      `SELECT sql FROM sqlite_master WHERE name = 'event_is_numbered'`,
    ).first<{ sql: string }>()) ?? { sql: "" };
    await change();
    const { meta: numbered } = await auditChange(env.DB, BY_ITSELF, TAG).run();
    await env.DB.prepare(`DROP TRIGGER event_is_numbered`).run();
    const { meta: plain } = await auditChange(env.DB, BY_ITSELF, TAG).run();
    await env.DB.prepare(sql).run();
    expect(numbered.rows_written - plain.rows_written).toBe(2);
  });
});

describe("a dispatcher", () => {
  test("hands each event on to those that want it, in order, and then the rows go", async () => {
    await change();
    await change(1, { action: "user.create", reference: "alice" });
    await change();
    const tags = new Kept("tags");
    const all = new Kept("all", { actions: ["user.create", "tag.delete"] });
    expect(await dispatch(tags, all)).toBe(false);
    expect(tags.orders).toEqual([1, 3]);
    expect(all.orders).toEqual([1, 2, 3]);
    expect(tags.deliveries[0]).toEqual({
      subscriber: "tags",
      event: {
        ...BY_ITSELF,
        ...TAG,
        namespace: "acme",
        id: expect.any(String),
        time: expect.any(Number),
        outcome: "done",
        order: 1,
      },
    });
    expect(await numbers()).toEqual([]);
    await dispatch(tags, all);
    expect(all.orders).toEqual([1, 2, 3]);
  });

  test("that died before the rows went sends again, and loses nothing", async () => {
    await change(3);
    const queue = new Kept("tags");
    const db = new Proxy(env.DB, {
      get(target, name) {
        if (name !== "prepare") return Reflect.get(target, name) as unknown;
        return (sql: string) => {
          if (sql.startsWith("DELETE FROM outbox")) throw new Error("killed");
          return target.prepare(sql);
        };
      },
    });
    const dispatcher = new Dispatcher(new OutboxStore(db), [queue.subscription]);
    await expect(runner.turn(dispatcher)).rejects.toThrow("killed");
    expect(await numbers()).toEqual([1, 2, 3]);
    await change();
    await dispatch(queue);
    expect(queue.orders).toEqual([1, 2, 3, 1, 2, 3, 4]);
    expect(await numbers()).toEqual([]);
  });

  test("that died after they went loses nothing and sends nothing again", async () => {
    await change(3);
    const queue = new Kept("tags");
    const db = new Proxy(env.DB, {
      get(target, name) {
        if (name !== "prepare") return Reflect.get(target, name) as unknown;
        return (sql: string) => {
          if (sql.startsWith("UPDATE jobs")) throw new Error("killed");
          return target.prepare(sql);
        };
      },
    });
    const dying = new JobRunner(new JobStore(db), []);
    const dispatcher = new Dispatcher(outbox, [queue.subscription]);
    await expect(dying.turn(dispatcher)).rejects.toThrow("killed");
    expect(await dispatch(queue)).toBeNull();
    await env.DB.prepare(`UPDATE jobs SET lease_until = 0 WHERE name = 'events'`).run();
    await change();
    await dispatch(queue);
    expect(queue.orders).toEqual([1, 2, 3, 4]);
    expect(await numbers()).toEqual([]);
  });

  test("is alone: of two at once one sends", async () => {
    await change(5);
    const release = Promise.withResolvers<void>();
    const slow = new Kept("tags", { before: () => release.promise });
    const first = dispatch(slow);
    while ((await env.DB.prepare(`SELECT 1 FROM jobs WHERE name = 'events'`).first()) === null);
    const second = new Kept("tags");
    expect(await dispatch(second)).toBeNull();
    release.resolve();
    expect(await first).toBe(false);
    expect([...slow.orders, ...second.orders]).toEqual([1, 2, 3, 4, 5]);
  });

  test("holds up nobody where one queue takes nothing, and keeps its rows until it does", async () => {
    await change(250);
    let isBroken = true;
    const before = async () => {
      await Promise.resolve();
      if (isBroken) throw new Error("the queue is away");
    };
    const [broken, good] = [new Kept("broken", { before }), new Kept("good")];
    await expect(dispatch(broken, good)).rejects.toThrow("the queue is away");
    expect(good.orders).toEqual(from(1, 250));
    expect(await numbers()).toHaveLength(250);
    isBroken = false;
    await change();
    await dispatch(broken, good);
    expect(good.orders).toEqual(from(1, 251));
    expect(broken.orders).toEqual(from(1, 251));
    expect(await numbers()).toEqual([]);
  });

  test("reads pages, sends no more than a queue takes at once, and goes on in another turn", async () => {
    await change(1_050);
    const queue = new Kept("tags");
    // A second subscriber, which is further, does not change that more is due.
    const further = new Kept("further");
    await env.DB.prepare(`INSERT INTO jobs (name, lease_until, state) VALUES ('events', 0, ?1)`)
      .bind(JSON.stringify({ sent: { further: 1_040 } }))
      .run();
    expect(await dispatch(queue, further)).toBe(true);
    expect(further.orders).toEqual(from(1_041, 10));
    expect(queue.orders).toEqual(from(1, 1_000));
    expect(Math.max(...queue.sizes)).toBeLessThanOrEqual(100);
    expect(await numbers()).toEqual(from(1_001, 50));
    expect(await dispatch(queue)).toBe(false);
    expect(queue.orders).toEqual(from(1, 1_050));
  });

  test("cuts long texts, so that the real queue takes each message and each batch", async () => {
    const long = "\u{1}é".repeat(30_000);
    for (let i = 0; i < 30; i++) await change(1, { ...TAG, reference: long, detail: long });
    const real = { ...new Kept("tags").subscription, queue: env.EVENTS_JOBS };
    expect(await runner.turn(new Dispatcher(outbox, [real]))).toBe(false);
    expect(await numbers()).toEqual([]);
  });

  test("gives a new subscriber what is there, and passes over an entry that has gone", async () => {
    await change(2);
    await env.DB.prepare(`DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)`).run();
    const [old, young] = [new Kept("old"), new Kept("young")];
    await dispatch(old);
    expect(old.orders).toHaveLength(1);
    await change();
    await dispatch(old, young);
    expect(old.orders.at(-1)).toBe(3);
    expect(young.orders).toEqual([3]);
  });
});

test("no statement of the outbox walks through a table", async () => {
  const plans = await plansOf(async (db) => {
    const store = new OutboxStore(db);
    await store.page(0, 10);
    await store.oldest();
    await store.forget(1);
  });
  expect(plans).toHaveLength(3);
  for (const { sql, plan } of plans) {
    // Its first rows are read in the order of their numbers.
    expect(
      tableScans(plan).filter((line) => line !== "SCAN o"),
      sql,
    ).toEqual([]);
  }
});
