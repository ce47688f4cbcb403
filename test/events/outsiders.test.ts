/** Denials of one namespace's robots in another: the owners of both read of them. */
import { expect, test, vi } from "vitest";
import { BUDGET_WINDOW, type Refusal, windowOf } from "../../src/events/budget.ts";
import type { EventMessage } from "../../src/events/message.ts";
import { reportRefusal } from "../../src/events/refusal-reporter.ts";
import { auditEvent } from "../../src/db/audit.ts";
import { addRobot, addSecret, anyAddress, from } from "../support/accounts.ts";
import { RegistryClient } from "../support/client.ts";
import { audited, deliver, Outbox } from "../support/events.ts";
import { done, makeNamespace } from "../support/management.ts";
import { newNamespace } from "../support/principals.ts";

interface Item {
  readonly actor: string | null;
  readonly action: string;
  readonly reference: string | null;
  readonly detail: string;
}

async function newRobot(namespace: string): Promise<string> {
  const scopes = [{ repositories: `${namespace}/*`, actions: ["pull" as const] }];
  const robot = await addRobot(namespace, scopes);
  const { secret } = await addSecret({ robot });
  return `Bearer ${secret}`;
}

/**
 * Makes that many deletions in a namespace that are denied, in one isolate. @returns the messages that it sends to the
 * log
 */
async function denied(
  namespace: string,
  authorizations: readonly string[],
  times: number,
): Promise<EventMessage[]> {
  const outbox = new Outbox();
  for (const authorization of authorizations) {
    const repository = `${namespace}/app`;
    const client = new RegistryClient({
      repository,
      authorization,
      send: from(anyAddress(), outbox.send),
    });
    for (let i = 0; i < times; i++) {
      expect((await client.request("DELETE", "manifests/latest")).status).toBe(403);
    }
  }
  await expect.poll(() => outbox.messages.length).toBe(authorizations.length * times);
  return outbox.messages;
}

test("a namespace's owners read 120 denials of others' machines in a quarter of an hour, how many more there were, and their own", async () => {
  vi.setSystemTime(windowOf(Date.now()) + BUDGET_WINDOW / 2);
  const { namespace, owner } = await makeNamespace();
  const evil = await newNamespace();
  const robots = [await newRobot(evil), await newRobot(evil), await newRobot(evil)];
  // Two isolates that share no counts.
  await deliver(await denied(namespace, robots, 23));
  await deliver(await denied(namespace, robots, 23));
  await deliver(await denied(namespace, [await newRobot(namespace)], 5));
  const path = `/namespaces/${namespace}/audit?limit=1000`;
  const options = { as: owner.authorization };
  const { items } = await done<{ items: Item[] }>("GET", path, undefined, options);
  const by = (home: string) => items.filter(({ actor }) => actor?.startsWith(`${home}+`));
  expect(by(evil)).toHaveLength(120);
  expect(by(namespace)).toHaveLength(5);
  const suppressed = items.filter(({ action }) => action === "audit.suppress");
  expect(suppressed).toMatchObject([
    {
      reference: `denial in ${namespace} by outsiders`,
      detail: expect.stringMatching(/^18 more /),
    },
  ]);
  vi.useRealTimers();
});

test("what was denied in namespaces that there are not is one record, however many they are", async () => {
  const namespace = await newNamespace();
  const since = windowOf(1_900_000_000_000);
  const names = [...Array.from({ length: 50 }, (_, i) => `nowhere-${i}`), namespace];
  const counts = names.map((name) => {
    return { since, of: `denial in ${name} by outsiders`, namespace: name, count: 2 };
  });
  await deliver([{ kind: "dropped", counts }]);
  const rows = (await audited()).filter(({ time }) => time === since);
  expect(rows.map(({ namespace: of, detail }) => [of, detail?.split(" ", 1)[0]])).toEqual(
    expect.arrayContaining([
      [namespace, "2"],
      [null, "100"],
    ]),
  );
  expect(rows).toHaveLength(2);
});

function denial(i: number): Refusal {
  const actor = "evil+ci";
  const initiator = {
    actor,
    subject: null,
    via: "robot",
    address: null,
    agent: null,
    requestId: "r",
  };
  return {
    of: "denial",
    event: auditEvent(
      initiator,
      { action: "namespace.delete", namespace: `n${i}`, reference: `n${i}` },
      "denied",
    ),
  };
}

test("an isolate tells 2,000 kinds apart that it drops, in ten messages, and counts the others", async () => {
  const sent: EventMessage[] = [];
  const queue = { send: (message: EventMessage) => Promise.resolve(void sent.push(message)) };
  const none = { limit: () => Promise.resolve({ success: false }) };
  const deferred: Promise<unknown>[] = [];
  const defer = (work: Promise<unknown>) => void deferred.push(work);
  const outlet = { queue: queue as never, limit: none as never, defer };
  for (let i = 0; i < 2_500; i++) await reportRefusal(denial(i), outlet);
  await Promise.all(deferred);
  expect(sent.length).toBeLessThanOrEqual(11);
  const counts = sent.flatMap((message) => (message.kind === "dropped" ? message.counts : []));
  expect(counts).toHaveLength(2_001);
  expect(counts.find(({ of }) => of === "elsewhere")?.count).toBe(500);
});
