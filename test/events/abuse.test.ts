/**
 * Strangers' junk of every kind, from 4,000 /64s and addresses, at 500 accounts and in 100 namespaces. Only what decides about it
 * is called for each, with the clock moved, far past each bound; what passes goes through the real consumer and the real database.
 * A sample goes over HTTP.
 */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import docs from "../../docs/internals/audit.md?raw";
import { FAILURE_WINDOW, judge, placesOf } from "../../src/auth/login/throttle.ts";
import { admit, BUDGET_WINDOW, type Refusal, windowOf } from "../../src/events/budget.ts";
import type { EventMessage } from "../../src/events/message.ts";
import { LoginAttemptStore } from "../../src/db/login-attempts.ts";
import { type AuditEvent, auditEvent } from "../../src/db/audit.ts";
import type { FailureCount } from "../../src/auth/identity-store.ts";
import { from, logIn } from "../support/accounts.ts";
import { HOST, RegistryClient, tokenPath } from "../support/client.ts";
import { deliver, Outbox } from "../support/events.ts";
import { newNamespace, newUser } from "../support/principals.ts";

const ISOLATES = 3;
const WINDOWS = 2;
const WINDOWS_A_DAY = 86_400_000 / BUDGET_WINDOW;
/**
 * Refusals of each kind, in each isolate and window: more than all limits of the kind, and more than there are
 * networks.
 */
const OF_EACH = 1_500;
/** A full window begins here. */
const START = windowOf(1_800_000_000_000);

/** The bound of a day, as the documentation has it. */
function documented(table: string): number {
  const row = new RegExp(`\\| \`${table}\` \\|[^|]*\\| ([\\d,]+) \\|`).exec(docs)?.[1];
  if (row === undefined) throw new Error(`docs/internals/audit.md has no bound for ${table}`);
  return Number(row.replaceAll(",", ""));
}

beforeEach(async () => {
  const tables = ["audit", "audit_budgets", "login_failures", "login_networks"];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

async function rows(sql: string): Promise<number> {
  return (await env.DB.prepare(`SELECT count(*) AS n FROM ${sql}`).first<{ n: number }>())?.n ?? -1;
}

/** One of 4,000 /64s in 250 /48s, and one of 4,000 IPv4 addresses. */
function addressOf(i: number): string {
  const n = i % 4_000;
  if (i % 2 === 0) return `2001:db8:${(n % 250).toString(16)}:${(n >> 8).toString(16)}::${i % 7}`;
  return `10.${n >> 8}.${n & 255}.9`;
}

type PullCache = Pick<AuditEvent, "actor" | "namespace">;

const at = (i: number): PullCache => ({ actor: `user-${i % 500}` });
const KINDS: readonly (readonly [Refusal["of"], (i: number) => PullCache])[] = [
  ["password", () => ({ actor: null })],
  ["password", at],
  ["secret", () => ({ actor: null })],
  ["secret", at],
  ["secret", () => ({ actor: "oidc" })],
  ["wait", at],
  ["denial", () => ({ actor: null })],
  ["foreign token", (i) => ({ actor: "oidc", namespace: `space-${i % 100}` })],
];

const event = auditEvent(
  { actor: null, subject: null, via: "anonymous", address: null, agent: "junk", requestId: "r" },
  { action: "login", detail: "wrong user name or password" },
  "failed",
  0,
);

function refusalAt(time: number, i: number, of: Refusal["of"], facts: PullCache): Refusal {
  const id = time.toString(16).padStart(12, "0") + i.toString(16).padStart(16, "0");
  return { of, event: { ...event, id, time, address: addressOf(i), ...facts } };
}

/** The messages that isolates send for one window's refusals, as `reportRefusal` decides in each. */
class Isolates {
  readonly sent: EventMessage[] = [];
  readonly #counts = Array.from({ length: ISOLATES }, () => new Map<string, number>());

  take(refusal: Refusal, isolate: number): void {
    const counts = this.#counts[isolate] ?? new Map<string, number>();
    const { admitted, counts: after } = admit([refusal], counts);
    for (const [key, count] of after) counts.set(key, count);
    if (admitted.length > 0) this.sent.push({ kind: "audit", ...refusal });
  }
}

async function deliverAll(messages: readonly EventMessage[]): Promise<void> {
  for (let start = 0; start < messages.length; start += 100) {
    const batch = messages.slice(start, start + 100);
    // The halves are delivered at the same time, as two consumers may run at once.
    await Promise.all([deliver(batch.slice(0, 50)), deliver(batch.slice(50))]);
  }
}

test("junk of every kind without end writes no more records than documented, and real denials and guesses are recorded", async () => {
  const real: string[] = [];
  let [i, sent] = [0, 0];
  for (let window = 0; window < WINDOWS; window++) {
    const since = START + window * BUDGET_WINDOW;
    const isolates = new Isolates();
    for (let n = 0; n < OF_EACH * ISOLATES; n++) {
      for (const [of, facts] of KINDS) {
        isolates.take(refusalAt(since + n, ++i, of, facts(n)), n % ISOLATES);
      }
      // From the strangers' own networks: somebody is denied something, and guesses at fifty accounts begin with one at theirs.
      if (n !== 60) continue;
      for (const of of ["denial", "password"] as const) {
        const refusal = refusalAt(since + n, ++i, of, { actor: "alice" });
        real.push(refusal.event.id);
        isolates.take(refusal, 0);
      }
    }
    // Of each kind no more messages than the log has room for, in each isolate.
    expect(isolates.sent.length).toBeLessThanOrEqual(
      (documented("audit") / WINDOWS_A_DAY) * ISOLATES + 2,
    );
    sent += isolates.sent.length;
    await deliverAll(isolates.sent);
    const kinds = ["password stranger", "secret account", "wait", "elsewhere"];
    await deliver(
      [1, 2].map(() => ({
        kind: "dropped",
        counts: kinds.map((of) => ({ since, of, count: 100_000 })),
      })),
    );
  }
  const found = await env.DB.prepare(
    `SELECT id FROM audit WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id`,
  )
    .bind(JSON.stringify(real))
    .all<{ id: string }>();
  expect(found.results.map(({ id }) => id)).toEqual(real.toSorted());
  const days = WINDOWS / WINDOWS_A_DAY;
  const strangers = (await rows("audit")) - real.length;
  expect(strangers).toBeLessThanOrEqual(documented("audit") * days);
  expect(sent).toBeGreaterThan(strangers);
  // They do get what there is room for.
  expect(strangers).toBeGreaterThan(documented("audit") * days * 0.9);
  expect(await rows("audit_budgets")).toBeLessThanOrEqual(documented("audit_budgets") * days);
  const suppressed = await rows("audit WHERE action = 'audit.suppress'");
  expect(suppressed).toBeLessThanOrEqual(8 * WINDOWS);
});

/** Reads the counts as a login does. */
async function countsIn(keys: readonly string[]): Promise<FailureCount[]> {
  const { results } = await env.DB.prepare(
    `SELECT key, failures, since, tried_at AS triedAt FROM login_failures
     WHERE key IN (SELECT value FROM json_each(?1))`,
  )
    .bind(JSON.stringify(keys))
    .all<FailureCount>();
  return results;
}

/**
 * Past 1,000 failures one attempt a second is let through; two minutes of that are as good as the rest of the window.
 */
const PACED_SECONDS = 120;

test("guesses without end, each from another network at another account, count no more than documented", async () => {
  const attempts = new LoginAttemptStore(env.DB);
  const signing = { key: env.TOKEN_KEY, nextKey: null, service: HOST };
  let [failed, i] = [0, 0];
  const guess = async (now: number) => {
    i++;
    const { unknown } = await placesOf(`nobody-${i}`, { address: addressOf(i * 97), signing });
    const { wait, paces } = judge(unknown, await countsIn(unknown), now);
    if (wait !== null || (paces.length > 0 && !(await attempts.takeAttempts(paces, now)))) return;
    await attempts.failed(unknown, now, FAILURE_WINDOW);
    failed++;
  };
  for (let n = 0; n < 1_000; n++) await guess(START);
  expect(failed).toBe(1_000);
  for (let second = 1; second <= PACED_SECONDS; second++) {
    for (let n = 0; n < 2; n++) await guess(START + second * 1_000);
  }
  expect(failed).toBe(1_000 + PACED_SECONDS);
  // Three rows each, and one of all.
  expect(await rows("login_failures")).toBeLessThanOrEqual(3 * failed + 1);
  const most = 1_000 + FAILURE_WINDOW / 1_000;
  expect(documented("login_failures")).toBe((3 * most + 1) * WINDOWS_A_DAY);
});

test("over HTTP: strangers' requests of every kind write what is documented, and nothing else", async () => {
  vi.setSystemTime(windowOf(Date.now()) + BUDGET_WINDOW / 2);
  const namespace = await newNamespace("public");
  const outbox = new Outbox();
  const before = await everything();
  for (let i = 0; i < 60; i++) {
    const send = from(addressOf(i * 13), outbox.send);
    const bearer = (value: string) =>
      new RegistryClient({
        repository: `${namespace}/app`,
        authorization: `Bearer ${value}`,
        send,
      });
    const nobody = new RegistryClient({
      repository: `${namespace}/app`,
      authorization: null,
      send,
    });
    await bearer(`junk.${i}.x`).get("/v2/");
    await bearer(`slp_${i}`).get("manifests/latest");
    await bearer(`slp_${"x".repeat(39)}${1000 + i}`).get("/v2/");
    await logIn("oidc", "no ID token", "", send);
    await nobody.get(tokenPath(`repository:${namespace}/app:pull`));
    await nobody.request("POST", "blobs/uploads/");
    await nobody.request("GET", `blobs/uploads/${i}`);
    await nobody.get("/api/v1/repositories");
    await nobody.request("POST", "/api/v1/oidc/exchange", {
      headers: { "content-type": "application/json" },
      body: '{"token":"x"}',
    });
    if (i % 6 === 0) await logIn(`nobody-${i}`, "wrong", "", send);
  }
  await expect.poll(() => outbox.messages.length).toBeGreaterThan(30);
  await outbox.settled();
  // Secrets and passwords of strangers: 30 of the one, 10 were tried of the other.
  expect(outbox.messages.length).toBeLessThanOrEqual(40 + 1);
  await outbox.deliver();
  const after = await everything();
  const changed = Object.keys(after).filter((table) => after[table] !== before[table]);
  expect(changed.toSorted()).toEqual(["audit", "audit_budgets", "login_failures"]);
  vi.useRealTimers();
});

/** All rows of each table. */
async function everything(): Promise<Record<string, string>> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'`,
  ).all<{ name: string }>();
  const found = await env.DB.batch(
    results.map(({ name }) => env.DB.prepare(`SELECT * FROM ${name}`)),
  );
  return Object.fromEntries(
    results.map(({ name }, i) => [name, JSON.stringify(found[i]?.results)]),
  );
}

test("two consumers at once do not take the last of a budget both", async () => {
  const user = await newUser();
  const batch = Array.from({ length: 80 }, (_, i) => ({
    kind: "audit" as const,
    ...refusalAt(START + i, i, "denial", { actor: user.name }),
  }));
  const parts = [0, 1, 2, 3].map((n) => batch.filter((_, i) => i % 4 === n));
  const done = await Promise.allSettled(parts.map((part) => deliver(part)));
  // A batch that lost the race three times is delivered again.
  for (const [n, { status }] of done.entries())
    if (status === "rejected") await deliver(parts[n] ?? []);
  expect(await rows(`audit WHERE actor = '${user.name}'`)).toBe(60);
});

test("a batch that comes twice is counted once, and what was suppressed is added up in one record", async () => {
  const batch = Array.from({ length: 5 }, (_, i) => ({
    kind: "audit" as const,
    ...refusalAt(START + i, 2 * i, "secret", { actor: null }),
  }));
  await deliver(batch);
  await deliver([
    ...batch,
    { kind: "dropped", counts: [{ since: START, of: "secret stranger", count: 7 }] },
  ]);
  await deliver([
    { kind: "dropped", counts: [{ since: START, of: "secret stranger", count: 1_000 }] },
  ]);
  const counts = await env.DB.prepare(
    `SELECT records FROM audit_budgets WHERE key = 'secret stranger'`,
  ).first();
  expect(counts).toEqual({ records: 5 });
  const { results } = await env.DB.prepare(
    `SELECT reference, detail, outcome FROM audit WHERE action = 'audit.suppress'`,
  ).all();
  expect(results).toEqual([
    {
      reference: "secret stranger",
      detail: "1007 more from 08:00 to 08:15 UTC are not recorded one by one",
      outcome: "failed",
    },
  ]);
});
