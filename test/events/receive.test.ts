/** What a subscriber fails to receive comes again, later, holds up no other, and ends among the dead events. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { auditEvent, BY_ITSELF, type Event } from "../../src/db/audit.ts";
import { DeadEventStore, MAX_DEAD } from "../../src/events/dead-store.ts";
import { MAX_DELIVERIES, receive } from "../../src/events/receive.ts";
import type { EventMessage } from "../../src/events/message.ts";
import type { Delivery, Subscriber } from "../../src/events/subscriber.ts";
import worker from "../../src/worker.ts";
import wrangler from "../../wrangler.toml?raw";
import { withSettings } from "../support/client.ts";
import { api, done } from "../support/management.ts";

const QUEUE = "slipway-events-jobs";
const dead = new DeadEventStore(env.DB);

function event(order: number): Event {
  const entry = { action: "retention.set", repository: "acme/app" } as const;
  return { ...auditEvent(BY_ITSELF, entry, "done"), order };
}

/** A subscriber that keeps what it receives, and fails with some. */
class Taker implements Subscriber {
  readonly name: string;
  readonly actions = ["retention.set"] as const;
  readonly taken: number[] = [];
  readonly #fails: readonly number[];

  constructor(name: string, fails: readonly number[] = []) {
    this.name = name;
    this.#fails = fails;
  }

  receive({ order }: Event): Promise<void> {
    if (this.#fails.includes(order)) return Promise.reject(new Error(`no ${order}`));
    this.taken.push(order);
    return Promise.resolve();
  }
}

interface Delivered {
  readonly acked: readonly string[];
  readonly retried: readonly string[];
  /** Seconds until each retry. */
  readonly delays: readonly (number | undefined)[];
}

/** Delivers events to their subscriber, whose name they have, for the given time. */
async function deliver(
  subscribers: readonly Subscriber[],
  deliveries: readonly (Delivery & { attempts?: number })[],
  queue = QUEUE,
): Promise<Delivered> {
  const messages = deliveries.map(({ attempts = 1, ...body }) => ({
    id: `${body.subscriber}-${body.event.order}`,
    timestamp: Date.now(),
    attempts,
    body,
  }));
  const batch = createMessageBatch<Delivery>(queue, messages);
  const delays = batch.messages.map((message) => vi.spyOn(message, "retry"));
  await receive(batch, subscribers, dead);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext());
  return {
    acked: explicitAcks.toSorted(),
    retried: retryMessages.map(({ msgId }) => msgId),
    delays: delays.flatMap(({ mock }) => mock.calls.map(([options]) => options?.delaySeconds)),
  };
}

async function deadIds(): Promise<string[]> {
  const { items } = await done<{ items: { id: string }[] }>("GET", "/events/dead?limit=1000");
  return items.map(({ id }) => id);
}

beforeEach(async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  await env.DB.prepare(`DELETE FROM dead_events`).run();
});

afterEach(() => void vi.restoreAllMocks());

describe("a subscriber", () => {
  test("gets a batch in the order of the events", async () => {
    const taker = new Taker("jobs");
    const some = [3, 1, 2].map((order) => ({ subscriber: "jobs", event: event(order) }));
    const { acked, retried } = await deliver([taker], some);
    expect(acked).toEqual(["jobs-1", "jobs-2", "jobs-3"]);
    expect(retried).toEqual([]);
    expect(taker.taken).toEqual([1, 2, 3]);
  });

  test("that fails with one event gets the others, and that one again, each time later", async () => {
    const [bad, good] = [new Taker("bad", [2]), new Taker("good")];
    const some = [1, 2, 3].flatMap((order) =>
      ["bad", "good"].map((subscriber) => ({ subscriber, event: event(order) })),
    );
    const { acked, retried, delays } = await deliver([bad, good], some);
    expect(acked).toHaveLength(5);
    expect(retried).toEqual(["bad-2"]);
    expect(delays).toEqual([5]);
    expect([bad.taken, good.taken]).toEqual([
      [1, 3],
      [1, 2, 3],
    ]);
    const again = { subscriber: "bad", event: event(2), attempts: 4 };
    expect((await deliver([bad], [again])).delays).toEqual([40]);
    expect(await deadIds()).toEqual([]);
  });

  test("that takes long holds up its own queue alone", async () => {
    const release = Promise.withResolvers<void>();
    const slow: Subscriber = { name: "slow", actions: [], receive: () => release.promise };
    const good = new Taker("good");
    const waiting = deliver([slow, good], [{ subscriber: "slow", event: event(1) }]);
    const some = [1, 2].map((order) => ({ subscriber: "good", event: event(order) }));
    expect((await deliver([slow, good], some)).acked).toEqual(["good-1", "good-2"]);
    release.resolve();
    expect((await waiting).acked).toEqual(["slow-1"]);
  });

  test("that always fails has the event among the dead ones after so many deliveries", async () => {
    const bad = new Taker("jobs", [7]);
    const last = { subscriber: "jobs", event: event(7), attempts: MAX_DELIVERIES };
    expect((await deliver([bad], [last])).acked).toEqual(["jobs-7"]);
    const { items } = await done<{ items: object[] }>("GET", "/events/dead");
    expect(items).toMatchObject([
      { id: "jobs-7", subscriber: "jobs", order: 7, error: "Error: no 7" },
    ]);
  });

  test("that nobody knows has its events there too", async () => {
    const last = { subscriber: "gone", event: event(1), attempts: MAX_DELIVERIES };
    await deliver([], [last]);
    expect(await deadIds()).toEqual(["gone-1"]);
    expect((await api("POST", "/events/dead/gone-1/retry", {})).status).toBe(409);
  });
});

test("what the queue gave up is among the dead events, once", async () => {
  const taker = new Taker("jobs");
  const one = { subscriber: "jobs", event: event(3) };
  for (let i = 0; i < 2; i++) await deliver([taker], [one], `${QUEUE}-dead`);
  expect(taker.taken).toEqual([]);
  expect(await deadIds()).toEqual(["jobs-3"]);
});

test("the queues give up later than the code, and a dead one's name says so", () => {
  const queues = [...wrangler.matchAll(/\[\[queues\.consumers\]\]\n((?:[^[\n].*\n)+)/g)].map(
    ([, lines = ""]) =>
      Object.fromEntries(
        [...lines.matchAll(/^(\w+) = "?([^"\n]*)"?$/gm)].map(([, key, value]) => [key, value]),
      ),
  );
  const ofSubscribers = queues.filter(({ queue }) => /^slipway-events-\w+$/.test(queue ?? ""));
  expect(ofSubscribers.length).toBeGreaterThan(0);
  for (const { queue, max_retries: retries, dead_letter_queue: deadQueue } of ofSubscribers) {
    expect(Number(retries)).toBeGreaterThan(MAX_DELIVERIES);
    expect(deadQueue).toBe(`${queue}-dead`);
    expect(queues.map((one) => one["queue"])).toContain(deadQueue);
  }
});

describe("dead events", () => {
  test("are bounded for each subscriber: the oldest go", async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO dead_events (subscriber, seq, event, error, since)
       SELECT s.value, i, json_object('order', i, 'time', 0), 'x', 0 FROM n, json_each('["a", "b"]') s`,
    )
      .bind(MAX_DEAD)
      .run();
    await dead.add("a", event(MAX_DEAD + 1), "x");
    const { results } = await env.DB.prepare(
      `SELECT subscriber, count(*) AS n, min(seq) AS first FROM dead_events GROUP BY 1 ORDER BY 1`,
    ).all();
    expect(results).toEqual([
      { subscriber: "a", n: MAX_DEAD, first: 2 },
      { subscriber: "b", n: MAX_DEAD, first: 1 },
    ]);
  });

  test("are the last one of a number, which Time Travel gives to another event again", async () => {
    await dead.add("jobs", event(5), "x");
    const other = event(5);
    await dead.add("jobs", other, "y");
    expect(await dead.find({ subscriber: "jobs", order: 5 })).toMatchObject({
      event: { id: other.id },
      error: "y",
    });
  });

  test("are listed by pages", async () => {
    for (const order of [10, 9, 2]) await dead.add("jobs", event(order), "x");
    const first = await done<{ items: { id: string }[]; next: string }>(
      "GET",
      "/events/dead?limit=2",
    );
    expect(first.items.map(({ id }) => id)).toEqual(["jobs-2", "jobs-9"]);
    const rest = await done<{ items: { id: string }[]; next: null }>(
      "GET",
      `/events/dead?limit=2&after=${first.next}`,
    );
    expect(rest).toMatchObject({ items: [{ id: "jobs-10" }], next: null });
    const refusal = await api("GET", "/events/dead?after=jobs");
    expect(await refusal.json()).toMatchObject({ status: 400, errors: [{ field: "after" }] });
  });

  test("are sent again, to their subscriber's queue", async () => {
    await dead.add("jobs", event(5), "x");
    const sent: Delivery[] = [];
    const queue = { send: (body: Delivery) => Promise.resolve(sent.push(body)) };
    const send = withSettings({ EVENTS_JOBS: queue as never });
    const response = await api("POST", "/events/dead/jobs-5/retry", {}, { send });
    expect(response.status).toBe(204);
    expect(sent).toMatchObject([
      { subscriber: "jobs", event: { order: 5, action: "retention.set" } },
    ]);
    expect(await deadIds()).toEqual([]);
    expect((await api("POST", "/events/dead/jobs-5/retry", {}, { send })).status).toBe(404);
    expect(sent).toHaveLength(1);
  });

  test("stay if their subscriber's queue takes nothing", async () => {
    await dead.add("jobs", event(5), "x");
    const queue = { send: () => Promise.reject(new Error("the queue is away")) };
    const send = withSettings({ EVENTS_JOBS: queue as never });
    const response = await api("POST", "/events/dead/jobs-5/retry", {}, { send });
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(await deadIds()).toEqual(["jobs-5"]);
  });

  test("are dropped, and the log says by whom", async () => {
    await dead.add("jobs", event(6), "x");
    await done("DELETE", "/events/dead/jobs-6");
    expect(await deadIds()).toEqual([]);
    expect((await api("DELETE", "/events/dead/jobs-6")).status).toBe(404);
    expect((await api("DELETE", "/events/dead/nonsense")).status).toBe(404);
    const { results } = await env.DB.prepare(
      `SELECT actor, reference FROM audit WHERE action = 'event.drop'`,
    ).all();
    expect(results).toEqual([{ actor: "admin", reference: "jobs-6" }]);
  });
});

test("the Worker's consumer has a job run that an event makes due", async () => {
  const sent: EventMessage[] = [];
  const EVENTS = { send: (body: EventMessage) => Promise.resolve(sent.push(body)) };
  const body = { subscriber: "jobs", event: event(1) };
  const messages = [{ id: "1", timestamp: new Date(), attempts: 1, body }];
  const batch = createMessageBatch<Delivery>(QUEUE, messages);
  await worker.queue(batch, { ...env, EVENTS } as never);
  const { explicitAcks } = await getQueueResult(batch, createExecutionContext());
  expect(explicitAcks).toEqual(["1"]);
  expect(sent).toEqual([{ kind: "job", job: "retention" }]);
});
