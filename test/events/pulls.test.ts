/** The counts of pulls, which are gathered for a few seconds, so that a pull costs no write. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EventMessage } from "../../src/events/message.ts";
import { countPull, noteUse } from "../../src/events/pull-counter.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName, Tag } from "../../src/oci/reference.ts";
import { PullStore } from "../../src/events/pull-store.ts";
import { RegistryClient } from "../support/client.ts";
import { deliver, Outbox } from "../support/events.ts";
import { blob, imageManifest, index as indexOf, type Manifest } from "../support/images.ts";

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

test("what is only looked at or not changed is use, but no pull", async () => {
  expect((await client.head("manifests/latest")).status).toBe(200);
  const known = { "if-none-match": `"${image.digest}"` };
  expect((await client.get("manifests/latest", known)).status).toBe(304);
  await report(1);
  const { repository } = client;
  const uses = [{ repository, digest: image.digest, day: today() }];
  expect(outbox.messages).toEqual([{ kind: "pulls", counts: [], uses }]);
});

test("what is not there, not allowed, or no manifest is neither", async () => {
  expect((await client.get("manifests/none")).status).toBe(404);
  expect((await client.head("manifests/none")).status).toBe(404);
  expect((await client.as(null).get("manifests/latest")).status).toBe(401);
  expect((await client.as(null).head("manifests/latest")).status).toBe(401);
  expect((await client.get("tags/list")).status).toBe(200);
  expect(over).toEqual([]);
});

test.each([
  ["HEAD by tag", () => client.head("manifests/latest")],
  ["HEAD by digest", () => client.head(`manifests/${image.digest}`)],
  ["GET by digest", () => client.get(`manifests/${image.digest}`)],
])("a %s is use that day, and costs nothing more until the next", async (_, ask) => {
  expect((await ask()).status).toBe(200);
  await report(1);
  await outbox.deliver();
  expect(await usedOn()).toEqual([{ digest: image.digest, day: today() }]);
  for (let i = 0; i < 3; i++) await client.head("manifests/latest");
  expect(over).toEqual([]);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY });
  expect((await ask()).status).toBe(200);
  await report(2);
  await deliver(outbox.messages.slice(1));
  expect(await usedOn()).toEqual([{ digest: image.digest, day: today() }]);
});

test("a use whose report is lost is reported by the next one", async () => {
  const sent: EventMessage[] = [];
  let isDown = true;
  const queue = {
    send: (message: EventMessage) => {
      if (isDown) return Promise.reject(new Error("the queue is down"));
      sent.push(message);
      return Promise.resolve();
    },
  } as unknown as Queue<EventMessage>;
  const use = { repository: client.repository as RepositoryName, digest: image.digest as Digest };
  const note = async () => {
    const work: Promise<unknown>[] = [];
    noteUse(queue, use, (job) => void work.push(job));
    for (const end of over.splice(0)) end();
    return Promise.allSettled(work);
  };
  expect(await note()).toMatchObject([{ status: "rejected" }]);
  isDown = false;
  expect(await note()).toMatchObject([{ status: "fulfilled" }]);
  expect(sent).toHaveLength(1);
  expect(await note()).toEqual([]);
});

test("reading a blob is use of the image that alone names it", async () => {
  const [shared, own] = await Promise.all([client.pushBlob(blob()), client.pushBlob(blob(300))]);
  const config = await client.pushBlob(blob());
  const [a] = await Promise.all([
    client.pushManifest(imageManifest({ config, layers: [shared, own] }), "a"),
    client.pushManifest(imageManifest({ config, layers: [shared] }), "b"),
  ]);
  await client.pullBlob(shared.digest);
  await report(1);
  await outbox.deliver();
  expect(await usedOn()).toEqual([]);
  expect((await client.head(`blobs/${own.digest}`)).status).toBe(200);
  expect(over).toEqual([]);
  await client.pullBlob(own.digest);
  await client.pullBlob(own.digest);
  await report(2);
  await outbox.deliver();
  expect(await usedOn()).toEqual([{ digest: a.digest, day: today() }]);
  expect(await counted()).toEqual([]);
});

async function counts(): Promise<unknown[]> {
  await report(1);
  await outbox.deliver();
  return (await counted()).map(({ tag, count: number }) => [tag, number]);
}

const from = (address: string) => ({ "cf-connecting-ip": address });

describe("one pull in several requests is counted once", () => {
  let child: Manifest;
  let index: Manifest;

  beforeEach(async () => {
    child = await client.pushManifest(image);
    index = await client.pushManifest(indexOf([child]), "multi");
  });

  test("under the tag that HEAD resolved, as containerd and Docker pull", async () => {
    for (let i = 0; i < 2; i++) {
      await client.head("manifests/multi");
      await client.pullManifest(index.digest);
      await client.pullManifest(child.digest);
    }
    expect(await counts()).toEqual([["multi", 2]]);
    expect(await usedOn()).toHaveLength(2);
  });

  test("under the tag of the GET, as skopeo and podman pull", async () => {
    await client.pullManifest("multi");
    await client.pullManifest(child.digest);
    expect(await counts()).toEqual([["multi", 1]]);
  });

  test("a pull by digest, where the client never named a tag", async () => {
    await client.pullManifest(index.digest);
    await client.pullManifest(child.digest);
    expect(await counts()).toEqual([["", 1]]);
  });

  test("but a child is a pull of its own where its index was not pulled", async () => {
    await client.pullManifest(child.digest);
    await client.pullManifest("multi");
    expect(await counts()).toEqual([
      ["", 1],
      ["multi", 1],
    ]);
  });

  test("what one client looked up says nothing of another's pull, nor of a later one", async () => {
    await client.head("manifests/multi", from("192.0.2.1"));
    await client.get(`manifests/${index.digest}`, from("198.51.100.1"));
    await client.get(`manifests/${child.digest}`, from("203.0.113.1"));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6 * 60_000 });
    await client.get(`manifests/${index.digest}`, from("192.0.2.1"));
    await counts();
    const { results } = await env.DB.prepare(
      `SELECT tag, sum(count) AS sum FROM pulls p JOIN repositories r ON r.id = p.repository_id
       WHERE r.name = ?1 GROUP BY 1`,
    )
      .bind(client.repository)
      .all();
    expect(results).toEqual([{ tag: "", sum: 3 }]);
  });
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
      client: "somebody",
      index: null,
      repository: `a/${"x".repeat(240)}${i}` as RepositoryName,
      tag: "t".repeat(128) as Tag,
      digest: `sha512:${i.toString(16).padStart(128, "0")}` as Digest,
    };
    countPull(queue, pull, (job) => void work.push(job));
  }
  expect(work).toHaveLength(1);
  for (const end of over.splice(0)) end();
  await Promise.all(work);
  expect(sent.map((message) => count(message)?.length)).toEqual([130, 130, 130, 60]);
  for (const message of sent) expect(JSON.stringify(message).length).toBeLessThan(128_000);
});

/** The last day that each manifest was in use on. */
async function usedOn(): Promise<unknown[]> {
  const { results } = await env.DB.prepare(
    `SELECT digest, day FROM manifest_pulls p JOIN repositories r ON r.id = p.repository_id
     WHERE r.name = ?1 ORDER BY digest`,
  )
    .bind(client.repository)
    .all();
  return results;
}

test("the last day that a manifest was in use on is known, by whatever tag", async () => {
  await client.pullManifest("latest");
  await client.pullManifest(image.digest);
  await report(1);
  await outbox.deliver();
  expect(await usedOn()).toEqual([{ digest: image.digest, day: today() }]);
});

test("the last day is written once a day, and never goes back", async () => {
  const use = { repository: client.repository as RepositoryName, digest: image.digest as Digest };
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
    await new PullStore(db).use([{ ...use, day }]);
  }
  expect(batches.map((results) => results[0]?.meta.changes)).toEqual([1, 0, 0, 1]);
  expect(await usedOn()).toEqual([{ digest: image.digest, day: 20_001 }]);
});

test("messages of older versions, and of what has gone, are taken all the same", async () => {
  const repository = client.repository as RepositoryName;
  const gone = `sha256:${"0".repeat(64)}` as Digest;
  const uses = [
    { repository, digest: gone, day: 7 },
    { repository: "gone/away" as RepositoryName, digest: gone, day: 7 },
  ];
  await deliver([
    { kind: "pulls", counts: [{ repository, tag: "latest", day: 7, count: 2 }] },
    { kind: "pulls", counts: [{ repository, tag: "latest", day: 7, count: 1 }], uses },
  ]);
  expect(await counted()).toEqual([{ tag: "latest", day: 7, count: 3 }]);
  expect(await usedOn()).toEqual([]);
});
