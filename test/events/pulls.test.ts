/** How often what is pulled: gathered for a few seconds, so that a pull costs no write. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EventMessage } from "../../src/events/message.ts";
import { countPull } from "../../src/events/pull-counter.ts";
import type { RepositoryName, Tag } from "../../src/oci/reference.ts";
import { RegistryClient } from "../support/client.ts";
import { deliver, Outbox } from "../support/events.ts";
import { blob, imageManifest, type Manifest } from "../support/images.ts";

const DAY = 86_400_000;
const today = () => Math.floor(Date.now() / DAY);

let outbox: Outbox;
let client: RegistryClient;
let image: Manifest;
/** Ends the time for which pulls are gathered. */
let over: (() => void)[];

beforeEach(async () => {
  over = [];
  vi.spyOn(scheduler, "wait").mockImplementation((milliseconds) => {
    expect(milliseconds).toBe(5_000);
    return new Promise((resolve) => over.push(resolve));
  });
  outbox = new Outbox();
  client = new RegistryClient({ send: outbox.send });
  const config = await client.pushBlob(blob());
  image = await client.pushManifest(imageManifest({ config }), "latest");
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function report(messages: number): Promise<void> {
  for (const end of over.splice(0)) end();
  await expect.poll(() => outbox.messages.length).toBe(messages);
}

async function counted(repository = client.repository) {
  const { results } = await env.DB.prepare(
    `SELECT tag, day, count FROM pulls p JOIN repositories r ON r.id = p.repository_id
     WHERE r.name = ?1 ORDER BY tag, day`,
  )
    .bind(repository)
    .all();
  return results;
}

function count(message: EventMessage | undefined) {
  return message?.kind === "pulls" ? message.counts : null;
}

test("many pulls are one message, by tag; those by digest count as such", async () => {
  for (let i = 0; i < 5; i++) await client.pullManifest("latest");
  for (let i = 0; i < 3; i++) await client.pullManifest(image.digest);
  await client.pushManifest(image, "v1");
  await client.pullManifest("v1");
  expect(outbox.messages).toEqual([]);
  await report(1);
  const { repository } = client;
  expect(count(outbox.messages[0])).toEqual([
    { repository, tag: "latest", day: today(), count: 5 },
    { repository, tag: "", day: today(), count: 3 },
    { repository, tag: "v1", day: today(), count: 1 },
  ]);
});

test("what is only looked at, not there, or not changed is no pull", async () => {
  expect((await client.head("manifests/latest")).status).toBe(200);
  expect((await client.get("manifests/none")).status).toBe(404);
  const known = { "if-none-match": `"${image.digest}"` };
  expect((await client.get("manifests/latest", known)).status).toBe(304);
  expect((await client.as(null).get("manifests/latest")).status).toBe(401);
  expect((await client.get("tags/list")).status).toBe(200);
  expect(over).toEqual([]);
});

test("pulls after a message are in the next one", async () => {
  await client.pullManifest("latest");
  await report(1);
  await client.pullManifest("latest");
  await report(2);
  expect(outbox.messages.map((message) => count(message)?.[0]?.count)).toEqual([1, 1]);
});

test("messages add up in the table, by tag and by day", async () => {
  await client.pullManifest("latest");
  await client.pullManifest("latest");
  await report(1);
  await outbox.deliver();
  expect(await counted()).toEqual([{ tag: "latest", day: today(), count: 2 }]);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY });
  await client.pullManifest("latest");
  await report(2);
  await deliver(outbox.messages.slice(1));
  await deliver(outbox.messages.slice(1));
  expect(await counted()).toEqual([
    { tag: "latest", day: today() - 1, count: 2 },
    { tag: "latest", day: today(), count: 2 },
  ]);
});

test("one batch may count a tag several times, and a repository that has gone", async () => {
  const { repository } = client;
  const one = { repository: repository as RepositoryName, tag: "latest", day: 7, count: 2 };
  const gone = { ...one, repository: "gone/away" as RepositoryName };
  await deliver([
    { kind: "pulls", counts: [one, gone, one] },
    { kind: "pulls", counts: [one, { ...one, day: 8 }] },
  ]);
  expect(await counted()).toEqual([
    { tag: "latest", day: 7, count: 6 },
    { tag: "latest", day: 8, count: 2 },
  ]);
  expect(await counted("gone/away")).toEqual([]);
});

test("a message stays below the 128 KB that a queue takes, whatever the names", async () => {
  const sent: EventMessage[] = [];
  const queue = {
    send: (message: EventMessage) => Promise.resolve(void sent.push(message)),
  } as unknown as Queue<EventMessage>;
  const work: Promise<unknown>[] = [];
  for (let i = 0; i < 450; i++) {
    const repository = `a/${"x".repeat(240)}${i}` as RepositoryName;
    countPull(queue, { repository, tag: "t".repeat(128) as Tag }, (job) => void work.push(job));
  }
  expect(work).toHaveLength(1);
  for (const end of over.splice(0)) end();
  await Promise.all(work);
  expect(sent.map((message) => count(message)?.length)).toEqual([200, 200, 50]);
  for (const message of sent) expect(JSON.stringify(message).length).toBeLessThan(128_000);
});
