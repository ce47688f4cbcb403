/** Old rows are pruned, in bounded batches. */
import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { prune } from "../../src/jobs/prune.ts";
import worker from "../../src/worker.ts";
import { LoginAttemptStore } from "../../src/db/login-attempts.ts";
import { AuditStore } from "../../src/db/audit.ts";
import { IdentityStore } from "../../src/db/identities.ts";
import { OutboxStore } from "../../src/events/outbox-store.ts";
import { RefusalStore } from "../../src/events/refusal-store.ts";
import { SessionStore } from "../../src/db/sessions.ts";
import { OsvRecords } from "../../src/scan/osv-store.ts";
import { intercept } from "../support/wrapped-env.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const stores = {
  advisories: new OsvRecords(env.DB),
  attempts: new LoginAttemptStore(env.DB),
  audit: new AuditStore(env.DB),
  identities: new IdentityStore(env.DB),
  outbox: new OutboxStore(env.DB),
  refusals: new RefusalStore(env.DB),
  sessions: new SessionStore(env.DB),
};

beforeEach(async () => {
  const tables = ["audit", "login_failures", "revocations"];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

/** Adds that many events of this age. */
async function addEvents(number: number, age: number): Promise<void> {
  const time = Date.now() - age;
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO audit (id, time, via, action, request_id, outcome)
     SELECT ?2 || printf('%016x', i), ?3, 'password', 'tag.delete', 'r', 'done' FROM n`,
  )
    .bind(number, time.toString(16).padStart(12, "0"), time)
    .run();
  await env.DB.prepare(`DELETE FROM outbox`).run();
}

async function count(table: string): Promise<number> {
  const row = await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>();
  return row?.n ?? -1;
}

test("events go when they are older than they are kept, and not a moment before", async () => {
  await addEvents(3, 10 * DAY + HOUR);
  await addEvents(2, 10 * DAY - HOUR);
  await prune(stores, { audit: 10 * DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("audit")).toBe(2);
});

test("an event that is not handed on yet keeps its entry", async () => {
  await addEvents(3, 10 * DAY + 2 * HOUR);
  await addEvents(2, 10 * DAY);
  const [first] = (
    await env.DB.prepare(`SELECT id FROM audit ORDER BY id DESC LIMIT 1`).all<{ id: string }>()
  ).results;
  await env.DB.prepare(`INSERT INTO outbox (audit_id) VALUES (?1)`).bind(first?.id).run();
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("audit")).toBe(2);
  await stores.outbox.forget(Number.MAX_SAFE_INTEGER);
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("audit")).toBe(0);
});

test("expire: at most so many go at once, the oldest first, and it says how many", async () => {
  await addEvents(3, 3 * DAY);
  await addEvents(3, 2 * DAY);
  expect(await stores.audit.expire(Date.now() - DAY, 4)).toBe(4);
  const { results } = await env.DB.prepare(`SELECT time FROM audit`).all<{ time: number }>();
  expect(results.every(({ time }) => time > Date.now() - 2.5 * DAY)).toBe(true);
  expect(await stores.audit.expire(Date.now() - DAY, 4)).toBe(2);
  expect(await stores.audit.expire(Date.now() - DAY, 4)).toBe(0);
});

test("one run forgets 20,000 events at most; the next goes on", async () => {
  await addEvents(20_500, 2 * DAY);
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("audit")).toBe(500);
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("audit")).toBe(0);
});

test("failed logins go after an hour, which is longer than they are counted over", async () => {
  const insert = env.DB.prepare(
    `INSERT INTO login_failures (key, failures, since) VALUES (?1, 1, ?2)`,
  );
  const now = Date.now();
  await env.DB.batch([
    insert.bind("old", now - HOUR - 60_000),
    insert.bind("young", now - HOUR + 60_000),
  ]);
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  const { results } = await env.DB.prepare(`SELECT key FROM login_failures`).all();
  expect(results).toEqual([{ key: "young" }]);
});

test("a network from which an account logged in is forgotten after thirty days", async () => {
  const insert = env.DB.prepare(`INSERT INTO login_networks VALUES ('ada', ?1, ?2)`);
  const now = Date.now();
  await env.DB.batch([
    insert.bind("old", now - 30 * DAY - HOUR),
    insert.bind("young", now - 30 * DAY + HOUR),
  ]);
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  const { results } = await env.DB.prepare(`SELECT network FROM login_networks`).all();
  expect(results).toEqual([{ network: "young" }]);
});

test("a session is deleted half a day after it was used last, and not a moment before", async () => {
  const insert = env.DB.prepare(
    `INSERT INTO sessions (hash, id, user, mark, address, created_at, seen_at, expires_at)
     VALUES (?1, ?1, 'admin', '', '', 0, ?2, ?3)`,
  );
  const now = Date.now();
  await env.DB.batch([
    insert.bind("old", now - 12 * HOUR - 60_000, now + DAY),
    insert.bind("young", now - 12 * HOUR + 60_000, now + DAY),
  ]);
  await worker.scheduled(createScheduledController(), env);
  const { results } = await env.DB.prepare(`SELECT id FROM sessions`).all();
  expect(results).toEqual([{ id: "young" }]);
});

test("the cron keeps a revocation for as long as an upload may be ended with a token from before", async () => {
  const insert = env.DB.prepare(`INSERT INTO revocations VALUES (?1, ?2)`);
  const now = Date.now();
  // UPLOAD_TTL_HOURS is 24, and an exchanged credential may hold for an hour.
  await env.DB.batch([
    insert.bind("user:old", now - 25 * HOUR - 60_000),
    insert.bind("user:young", now - 25 * HOUR + 60_000),
  ]);
  await addEvents(1, 366 * DAY);
  await addEvents(1, 364 * DAY);
  await worker.scheduled(createScheduledController(), env);
  const { results } = await env.DB.prepare(`SELECT subject FROM revocations`).all();
  expect(results).toEqual([{ subject: "user:young" }]);
  expect(await count("audit")).toBe(1);
});

test("failures and revocations that cannot be forgotten do not keep the log from being shortened", async () => {
  await addEvents(3, 2 * DAY);
  const away = { expire: () => Promise.reject(new Error("the table is broken")) };
  const broken = { ...stores, identities: away as never };
  await expect(prune(broken, { audit: DAY, sessions: 12 * HOUR, tokens: DAY })).rejects.toThrow(
    "the table is broken",
  );
  expect(await count("audit")).toBe(0);
});

test("what fails first does not keep the rest from being forgotten", async () => {
  await addEvents(2, 366 * DAY);
  const { meta } = await env.DB.prepare(
    `INSERT INTO repositories (name, created_at) VALUES ('tidy/app', 0)`,
  ).run();
  await env.DB.prepare(`INSERT INTO pulls (repository_id, tag, day, count) VALUES (?1, 'v1', 1, 1)`)
    .bind(meta.last_row_id)
    .run();
  const DB = intercept(env.DB, (name, call) => (...parameters) => {
    const isFirst = name === "prepare" && String(parameters[0]).startsWith("UPDATE bounds");
    if (isFirst) throw new Error("the table is broken");
    return call(...parameters);
  });
  const tick = Promise.resolve(worker.scheduled(createScheduledController(), { ...env, DB }));
  await expect(tick).rejects.toThrow("the table is broken");
  expect(await count("audit")).toBe(0);
  expect(await count("pulls")).toBe(0);
});

test("advisories go a month after they were fetched, at most a thousand at once", async () => {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1102)
     INSERT INTO osv_records (id, modified, fetched_at, record)
     SELECT 'CVE-' || i, '', ?1 - CASE WHEN i <= 1100 THEN ?2 ELSE 0 END, x'' FROM n`,
  )
    .bind(Date.now(), 31 * DAY)
    .run();
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("osv_records")).toBe(102);
  await prune(stores, { audit: DAY, sessions: 12 * HOUR, tokens: DAY });
  expect(await count("osv_records")).toBe(2);
});
