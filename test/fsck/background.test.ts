/** The background check: how much it does in a tick, how far a day's bytes go, and what it reports. */
import { applyD1Migrations, createScheduledController, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import worker from "../../src/worker.ts";
import { AuditStore } from "../../src/db/audit.ts";
import { JobStore } from "../../src/db/jobs.ts";
import { BackgroundFsck } from "../../src/fsck/background.ts";
import { RegistryClient } from "../support/client.ts";
import { newFsck } from "../support/fsck.ts";
import { blob, type Content } from "../support/images.ts";
import { done } from "../support/management.ts";
import { tick } from "../support/fsck.ts";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const TICK = 5 * MINUTE;
/** Noon. */
const START = Math.floor(Date.now() / DAY) * DAY + DAY / 2;

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

function sample(bytesPerDay: number, fsck = newFsck({ orphan: -10 * DAY })): BackgroundFsck {
  const stores = { jobs: new JobStore(env.DB), audit: new AuditStore(env.DB) };
  return new BackgroundFsck(fsck, stores, bytesPerDay);
}

async function push(count: number, size: number): Promise<Content[]> {
  const client = new RegistryClient();
  const all = Array.from({ length: count }, () => blob(size));
  for (const one of all) await client.pushBlob(one);
  return all;
}

async function spoil(content: Content | undefined): Promise<void> {
  const row = await env.DB.prepare(`SELECT key FROM blobs WHERE digest_id = ${idOf("?1")}`)
    .bind(content?.digest ?? "")
    .first<{ key: string }>();
  await env.BLOBS.put(row?.key ?? "", blob(content?.bytes.length).bytes);
}

async function reported(): Promise<Record<string, unknown>[]> {
  const { results } = await env.DB.prepare(
    `SELECT * FROM audit WHERE action = 'fsck.finding' ORDER BY detail`,
  ).all();
  return results;
}

/** Ticks until a round has ended. @returns when that was */
async function round(of: BackgroundFsck, from: number, name: "metadata" | "hash" = "hash") {
  for (let i = 0; i < 1000; i++) {
    await tick(of, from + i * TICK);
    const { last } = (await of.state())[name];
    if (last !== null && last.beganAt >= from) return from + i * TICK;
  }
  throw new Error("the round has no end");
}

const NONE = { round: null, last: null };

test("the background walk goes through everything, and begins again a day after it began", async () => {
  await push(3, 1000);
  const background = sample(DAY);
  expect(await background.state()).toEqual({ metadata: NONE, hash: NONE });
  const ended = await round(background, START);
  const { metadata, hash } = await background.state();
  expect(hash.last).toMatchObject({ beganAt: START, endedAt: ended, bytes: 3000, findings: 0 });
  expect(metadata.last).toMatchObject({ beganAt: START, bytes: 0, findings: 0 });
  expect(metadata.last?.checked).toBeGreaterThanOrEqual(10);
  await tick(background, START + DAY - 1);
  expect(await background.state()).toEqual({ metadata, hash });
  await tick(background, START + DAY);
  const after = await background.state();
  for (const one of [after.metadata, after.hash]) {
    expect(one.round ?? one.last).toMatchObject({ beganAt: START + DAY });
  }
});

test("the walk hashes what a day allows, spread over the day, larger objects for several ticks", async () => {
  await push(4, 10_000);
  // A byte a second, and each tick has 300 of them.
  const background = sample(86_400);
  let before = 0;
  const steps: number[] = [];
  for (let i = 0; i <= 130; i++) {
    await tick(background, START + i * TICK);
    const { round: now, last } = (await background.state()).hash;
    const { bytes } = now ?? last ?? { bytes: 0 };
    if (bytes !== before) steps.push(i);
    before = bytes;
  }
  // The first step runs as soon as any bytes are allowed, the others when the allowance is positive again.
  expect(steps).toEqual([1, 34, 67, 101]);
  expect((await background.state()).hash.last).toMatchObject({ bytes: 40_000 });
});

test("the walk does not save up what it has not used", async () => {
  await push(5, 1000);
  const background = sample(24_000);
  await tick(background, START);
  await tick(background, START + 10 * DAY);
  expect((await background.state()).hash.round?.bytes).toBe(1000);
});

test("the walk hashes nothing where nothing is allowed, but looks whether everything is there", async () => {
  const [first, second] = await push(2, 1000);
  await spoil(first);
  const background = sample(0);
  await round(background, START, "metadata");
  expect((await background.state()).metadata.last).toMatchObject({ bytes: 0, findings: 0 });
  expect((await background.state()).hash).toEqual(NONE);
  await env.DB.prepare(`UPDATE blobs SET key = 'blobs/x' WHERE digest_id = ${idOf("?1")}`)
    .bind(second?.digest ?? "")
    .run();
  await round(background, START + DAY, "metadata");
  // Its former object waits for deletion now.
  expect((await reported()).map(({ digest }) => digest)).toEqual([second?.digest]);
});

test("the walk writes each finding into the log once a day", async () => {
  const [first] = await push(2, 1000);
  await spoil(first);
  await env.BLOBS.put("blobs/x", "x");
  const background = sample(DAY);
  const ended = await round(background, START);
  expect(await reported()).toMatchObject([
    {
      digest: first?.digest,
      reference: null,
      outcome: "failed",
      actor: null,
      via: "registry",
      detail: expect.stringMatching(/^blob\.damaged: .*push what needs it again/),
    },
    { digest: null, reference: "blobs/x", detail: expect.stringMatching(/^object\.orphan: /) },
  ]);
  expect((await background.state()).metadata.last?.findings).toBe(1);
  expect((await background.state()).hash.last?.findings).toBe(1);

  // Starts another pass on the same day, as if the state had been lost except for the reported findings.
  await env.DB.prepare(
    `UPDATE jobs SET state = json_remove(state, '$.metadata.last', '$.hash.last') WHERE name = 'fsck'`,
  ).run();
  await round(background, ended);
  expect(await reported()).toHaveLength(2);
  await round(background, START + DAY);
  expect(await reported()).toHaveLength(4);
});

test("the walk goes on where it was, and leaves what another is at alone", async () => {
  await push(2, 1000);
  const background = sample(DAY);
  const jobs = new JobStore(env.DB);
  const lease = await jobs.acquire("fsck", 60_000);
  await tick(background, START);
  expect(await background.state()).toEqual({ metadata: NONE, hash: NONE });
  const gone = { cursor: { phase: "gone", repository: 0, name: "" } };
  if (lease !== null) await jobs.release(lease, { metadata: gone, hash: gone });
  await round(background, START);
  expect((await background.state()).hash.last).toMatchObject({ bytes: 2000 });
});

test("the walk takes no more than a few pages with a tick", async () => {
  const client = new RegistryClient({ repository: "acme/app" });
  await client.pushBlob(blob());
  await env.DB.prepare(
    `INSERT INTO namespaces (name, created_at)
     SELECT 'n' || value, 0 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(Array.from({ length: 250 }, (_, i) => i)))
    .run();
  const background = sample(DAY);
  const ended = await round(background, START, "metadata");
  // A namespace a page, twenty pages a tick.
  expect((ended - START) / TICK).toBeGreaterThanOrEqual(12);
  expect((await background.state()).metadata.last?.checked).toBeGreaterThan(250);
});

test("GET /fsck shows it, and the cron's tick is one of it", async () => {
  await push(1, 1000);
  expect(await done("GET", "/fsck")).toEqual({
    bytesPerDay: 1024 ** 3,
    metadata: NONE,
    hash: NONE,
  });
  await worker.scheduled(createScheduledController(), env);
  expect(await done("GET", "/fsck")).toMatchObject({
    metadata: { round: null, last: { bytes: 0, findings: 0 } },
    hash: { round: { endedAt: null, bytes: 0, findings: 0 }, last: null },
  });
  await env.DB.prepare(`DELETE FROM jobs WHERE name = 'fsck'`).run();
  await round(sample(DAY), START);
  expect(await done("GET", "/fsck")).toMatchObject({
    metadata: { round: null, last: { beganAt: new Date(START).toISOString(), bytes: 0 } },
    hash: { round: null, last: { beganAt: new Date(START).toISOString(), bytes: 1000 } },
  });
});
