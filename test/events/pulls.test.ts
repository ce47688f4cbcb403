/** How often what is pulled: gathered for a few seconds, so that a pull costs no write. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EventMessage } from "../../src/events/message.ts";
import { countPull } from "../../src/events/pull-counter.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName, Tag } from "../../src/oci/reference.ts";
import { PullIndex } from "../../src/storage/pull-index.ts";
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
    { repository, tag: "latest", digest: image.digest, day: today(), count: 5 },
    { repository, tag: "", digest: image.digest, day: today(), count: 3 },
    { repository, tag: "v1", digest: image.digest, day: today(), count: 1 },
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
    const pull = {
      repository: `a/${"x".repeat(240)}${i}` as RepositoryName,
      tag: "t".repeat(128) as Tag,
      digest: `sha512:${"0".repeat(128)}` as Digest,
    };
    countPull(queue, pull, (job) => void work.push(job));
  }
  expect(work).toHaveLength(1);
  for (const end of over.splice(0)) end();
  await Promise.all(work);
  expect(sent.map((message) => count(message)?.length)).toEqual([200, 200, 50]);
  for (const message of sent) expect(JSON.stringify(message).length).toBeLessThan(128_000);
});

/** The last day that each manifest was pulled on. */
async function pulledOn(): Promise<unknown[]> {
  const { results } = await env.DB.prepare(
    `SELECT digest, day FROM manifest_pulls p JOIN repositories r ON r.id = p.repository_id
     WHERE r.name = ?1 ORDER BY digest`,
  )
    .bind(client.repository)
    .all();
  return results;
}

test("the last day that a manifest was pulled on is known, by whatever tag", async () => {
  await client.pullManifest("latest");
  await client.pullManifest(image.digest);
  await report(1);
  await outbox.deliver();
  expect(await pulledOn()).toEqual([{ digest: image.digest, day: today() }]);
});

test("the last day is written once a day, and never goes back", async () => {
  const pull = {
    repository: client.repository as RepositoryName,
    tag: "latest",
    digest: image.digest as Digest,
    count: 1,
  };
  const batches: D1Result[][] = [];
  const db = new Proxy(env.DB, {
    get: (target, name) =>
      name === "batch"
        ? async (statements: D1PreparedStatement[]) => {
            batches.push(await target.batch(statements));
          }
        : (sql: string) => target.prepare(sql),
  });
  for (const day of [20_000, 20_000, 19_000, 20_001]) {
    await new PullIndex(db).add([{ ...pull, day }]);
  }
  expect(batches.map((results) => results[1]?.meta.changes)).toEqual([1, 0, 0, 1]);
  expect(await pulledOn()).toEqual([{ digest: image.digest, day: 20_001 }]);
});

test("messages from before the digest was in them, and of manifests that have gone, are counted all the same", async () => {
  const repository = client.repository as RepositoryName;
  const gone = `sha256:${"0".repeat(64)}` as Digest;
  await deliver([
    { kind: "pulls", counts: [{ repository, tag: "latest", day: 7, count: 2 }] },
    { kind: "pulls", counts: [{ repository, tag: "latest", digest: gone, day: 7, count: 1 }] },
  ]);
  expect(await counted()).toEqual([{ tag: "latest", day: 7, count: 3 }]);
  expect(await pulledOn()).toEqual([]);
});
