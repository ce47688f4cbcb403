/** Failed logins and denials: no answer waits for their records, which a queue brings to the log. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { handle } from "../production/request.ts";
import { BUDGET_WINDOW, windowOf } from "../../src/events/budget.ts";
import { consume } from "../../src/events/consumer.ts";
import type { EventMessage } from "../../src/events/message.ts";
import { addRobot, addSecret, from, logIn, signAsRegistry } from "../support/accounts.ts";
import { RegistryClient, tokenPath } from "../support/client.ts";
import { audited, deliver, Outbox, type Row } from "../support/events.ts";
import { newNamespace, newUser, type Person } from "../support/principals.ts";

let namespace: string;
let user: Person;
let outbox: Outbox;
let networks = 0;
const WRONG_SECRET = `slp_${"x".repeat(43)}`;

beforeAll(async () => {
  namespace = await newNamespace();
  user = await newUser({ [`${namespace}/*`]: "reader" });
});

beforeEach(() => {
  outbox = new Outbox();
});

afterEach(() => {
  vi.useRealTimers();
});

/** The Worker, with requests from a new address. */
function stranger() {
  return from(address(), outbox.send);
}

function address(): string {
  return `10.1.${++networks}.1`;
}

async function delivered(response: Response): Promise<Row> {
  await expect.poll(() => outbox.messages.length).toBe(1);
  expect(await audited(response)).toEqual([]);
  await outbox.deliver();
  const [row, ...more] = await audited(response);
  expect(more).toEqual([]);
  if (row === undefined) throw new Error("nothing is in the log");
  return row;
}

test("a wrong password is in the log as a failed login of the account", async () => {
  const response = await logIn(user.name, "wrong", "", stranger());
  expect(response.status).toBe(401);
  expect(await delivered(response)).toMatchObject({
    actor: user.name,
    via: "anonymous",
    action: "login",
    repository: null,
    detail: "wrong user name or password",
    address: `10.1.${networks}.1`,
    outcome: "failed",
  });
});

test.each<[string, (send: ReturnType<typeof stranger>) => Promise<Response>, string]>([
  ["Basic at /token", (send) => basicAt(send, "/token"), "wrong user name or password"],
  ["Basic on /v2/", (send) => basicAt(send, "/v2/"), "wrong user name or password"],
  [
    "a wrong secret",
    (send) => bearer(send, WRONG_SECRET),
    "wrong user name or token, or it was revoked",
  ],
  ["a forged token", async (send) => bearer(send, await forged()), "a token that is not ours"],
  [
    "a forged credential",
    async (send) => bearer(send, `slpo_${await forged()}`),
    "the credential is not ours",
  ],
])("%s is in the log with its reason", async (_, ask, detail) => {
  const response = await ask(stranger());
  expect(response.status).toBe(401);
  const row = await delivered(response);
  expect(row).toMatchObject({ action: "login", outcome: "failed" });
  expect(row.detail).toContain(detail);
});

test.each<[string, (send: ReturnType<typeof stranger>) => Promise<Response>]>([
  ["a bearer token that is no token", (send) => bearer(send, "a.b.c")],
  [
    "a token of another registry",
    async (send) => bearer(send, await forged("another key of more than 32 bytes")),
  ],
  ["a secret of another form than ours", (send) => bearer(send, "slp_x")],
  ["one with a name", (send) => logIn(user.name, `${WRONG_SECRET}x`, "", send)],
  ["a credential that is no token", (send) => bearer(send, "slpo_a.b.c")],
  [
    "an ID token of an issuer that no rule names",
    (send) => logIn("oidc", `e30.${btoa('{"iss":"https://x.test"}')}.x`, "", send),
  ],
  ["what is no ID token", (send) => logIn("oidc", "x", "", send)],
  ["a name that is too long", (send) => logIn("x".repeat(321), "x", "", send)],
  ["a password that is too long", (send) => logIn("x", "x".repeat(16_385), "", send)],
])("%s is none of ours, and is never a record", async (_, ask) => {
  expect((await ask(stranger())).status).toBe(401);
  await outbox.settled();
  expect(outbox.messages).toEqual([]);
});

/** A token that names our key, and was not signed with it. */
async function forged(key = env.TOKEN_KEY): Promise<string> {
  const token = await signAsRegistry({ repository: "a/b", key });
  return token.replace("Bearer ", "").replace(/\.[^.]+$/, `.${"x".repeat(43)}`);
}

function basicAt(send: ReturnType<typeof stranger>, path: string): Promise<Response> {
  const authorization = `Basic ${btoa("ada:wrong")}`;
  return new RegistryClient({ authorization, send }).get(path);
}

function bearer(send: ReturnType<typeof stranger>, value: string): Promise<Response> {
  return new RegistryClient({ authorization: `Bearer ${value}`, send }).get("/v2/");
}

test("a wrong secret is in the log under the account that it was tried at, where there is one", async () => {
  const robot = await addRobot(namespace, [{ repositories: `${namespace}/*`, actions: ["pull"] }]);
  for (const name of [user.name, robot]) {
    outbox = new Outbox();
    const row = await delivered(await logIn(name, WRONG_SECRET, "", stranger()));
    expect(row).toMatchObject({ actor: name, outcome: "failed" });
    outbox = new Outbox();
    expect(await delivered(await logIn(name, "a password", "", stranger()))).toMatchObject({
      actor: name,
    });
  }
  outbox = new Outbox();
  const row = await delivered(await logIn("nobody-here", WRONG_SECRET, "", stranger()));
  expect(row).toMatchObject({ actor: null, outcome: "failed" });
});

test("an expired secret is in the log under its owner's name", async () => {
  const scopes = [{ repositories: "*", actions: ["pull" as const] }];
  const { secret } = await addSecret({ user: user.name, scopes, expires: 1 });
  const response = await bearer(stranger(), secret);
  expect(await delivered(response)).toMatchObject({
    actor: user.name,
    detail: "the token has expired",
  });
});

test("a password that was typed as the name is nowhere in the log", async () => {
  const typed = `hunter2${crypto.randomUUID().slice(0, 8)}`;
  const response = await logIn(typed, "ada", "", stranger());
  const row = await delivered(response);
  expect(row).toMatchObject({ actor: null, action: "login", outcome: "failed" });
  expect(JSON.stringify([outbox.messages, row])).not.toContain(typed);
  const tables = ["login_failures", "audit"].map((table) =>
    env.DB.prepare(`SELECT * FROM ${table}`),
  );
  expect(JSON.stringify(await env.DB.batch(tables))).not.toContain(typed);
});

test("no password, secret or token is in the log, whatever was wrong with it", async () => {
  const words = [
    "a-wrong-password",
    WRONG_SECRET,
    await forged(),
    `slpo_${await forged()}`,
    `e30.${btoa('{"iss":"https://x.test"}')}.wrong`,
  ];
  for (const word of words) {
    const send = stranger();
    await logIn(user.name, word, "", send);
    await logIn("oidc", word, "", send);
    await bearer(send, word);
  }
  await expect.poll(() => outbox.messages.length).toBeGreaterThan(7);
  const text = JSON.stringify(outbox.messages);
  for (const word of words) expect(text).not.toContain(word.slice(5));
});

test("what was denied is in the log with who, where and what it would have been", async () => {
  const send = stranger();
  const client = new RegistryClient({
    repository: `${namespace}/app`,
    authorization: user.authorization,
    send,
  });
  const response = await client.request("DELETE", "manifests/latest");
  expect(response.status).toBe(403);
  expect(await delivered(response)).toMatchObject({
    actor: user.name,
    via: "password",
    action: "DELETE /v2/:name+/manifests/:reference",
    namespace,
    repository: `${namespace}/app`,
    detail: expect.stringContaining(`may not delete from ${namespace}/app`),
    outcome: "denied",
  });
});

test("that somebody was asked to log in, or found nothing, is no event", async () => {
  const send = stranger();
  const nobody = new RegistryClient({ authorization: null, send });
  const reader = new RegistryClient({
    repository: `${namespace}/app`,
    authorization: user.authorization,
    send,
  });
  expect((await nobody.get("/v2/")).status).toBe(401);
  expect((await nobody.get("manifests/latest")).status).toBe(401);
  expect((await nobody.get(tokenPath("repository:a/b:push"))).status).toBe(200);
  expect((await reader.get("manifests/latest")).status).toBe(404);
  expect((await reader.request("PUT", "/v2/")).status).toBe(405);
  await outbox.settled();
  expect(outbox.messages).toEqual([]);
});

function askForAll({ authorization }: Person): Promise<Response> {
  return new RegistryClient({ authorization, send: stranger() }).get("/api/v1/users");
}

test("an account's denials are recorded up to 60 in a quarter of an hour, and one record says how many more there were", async () => {
  inOneWindow();
  const other = await newUser();
  const rows: Row[] = [];
  for (let i = 1; i <= 65; i++) {
    const response = await askForAll(other);
    expect(response.status).toBe(403);
    await expect.poll(() => outbox.messages.length).toBe(Math.min(i, 60));
  }
  await outbox.deliver();
  rows.push(...(await denialsOf(other.name)));
  expect(rows).toHaveLength(60);
  // What the isolate dropped it says some seconds later.
  await expect.poll(() => outbox.messages.length).toBe(61);
  await deliver(outbox.messages.slice(60));
  const [summary, ...more] = await suppressed(`denial of ${other.name}`);
  expect(more).toEqual([]);
  expect(summary).toMatchObject({ outcome: "denied", via: "registry" });
  expect(summary?.detail).toMatch(/^5 more from \d\d:\d\d to \d\d:\d\d UTC are not/);
  // Another user's refusal at the same time is recorded as usual.
  await askForAll(user);
  await expect.poll(() => outbox.messages.length).toBe(62);
});

test("junk of an address takes nothing away from guesses and denials that come from it", async () => {
  inOneWindow();
  const send = from("2001:db8:99:1::1", outbox.send);
  for (let i = 0; i < 25; i++) await bearer(send, `slp_${"y".repeat(41)}${10 + i}`);
  // The last one is the first that had to wait.
  await expect.poll(() => outbox.messages.length).toBe(11);
  await logIn(user.name, "wrong", "", send);
  await expect.poll(() => outbox.messages.length).toBe(12);
  const { authorization } = user;
  await new RegistryClient({ authorization, send }).get("/api/v1/users");
  await expect.poll(() => outbox.messages.length).toBe(13);
  await outbox.deliver();
  const rows = await env.DB.prepare(
    `SELECT outcome, detail FROM audit WHERE address = '2001:db8:99:1::1' AND actor = ?1 ORDER BY outcome`,
  )
    .bind(user.name)
    .all();
  expect(rows.results).toMatchObject([
    { outcome: "denied", detail: expect.stringContaining("administrator") },
    { outcome: "failed", detail: "wrong user name or password" },
  ]);
});

/** Half-way through a window, so that it doesn't end in the middle of a test. */
function inOneWindow(): void {
  vi.setSystemTime(windowOf(Date.now()) + BUDGET_WINDOW / 2);
}

async function denialsOf(actor: string): Promise<Row[]> {
  return (await audited()).filter((row) => row.actor === actor && row.outcome === "denied");
}

async function suppressed(kind: string): Promise<Row[]> {
  return (await audited()).filter((row) => row.reference === kind);
}

test("an event that is delivered twice is written once, also next to new ones", async () => {
  const send = stranger();
  const first = await logIn(user.name, "wrong", "", send);
  await expect.poll(() => outbox.messages.length).toBe(1);
  await outbox.deliver();
  const second = await logIn(user.name, "wrong", "", send);
  await expect.poll(() => outbox.messages.length).toBe(2);
  await outbox.deliver();
  await deliver([...outbox.messages, ...outbox.messages]);
  expect(await audited(first)).toHaveLength(1);
  expect(await audited(second)).toHaveLength(1);
});

test("the real queue brings an event to the log", async () => {
  const client = new RegistryClient({ authorization: user.authorization });
  const response = await client.get("/api/v1/users");
  expect(response.status).toBe(403);
  await expect.poll(() => audited(response), { interval: 200 }).toHaveLength(1);
});

test("a queue that fails takes no answer away", async () => {
  const failing = { send: () => Promise.reject(new Error("the queue is down")) };
  const deferred: Promise<unknown>[] = [];
  const changed = { ...env, EVENTS: failing as never };
  const request = new Request("https://registry.test/api/v1/users", {
    headers: { authorization: user.authorization, "cf-connecting-ip": address() },
  });
  const response = await handle(request, changed, (work) => void deferred.push(work.catch(String)));
  expect(response.status).toBe(403);
  expect(await Promise.all(deferred)).toContain("Error: the queue is down");
});

test("a batch of 100 messages of both kinds is two writes", async () => {
  let writes = 0;
  const count = () => Promise.resolve(++writes > 0);
  const refusals = {
    standing: () => Promise.resolve({ counts: new Map(), known: new Set() }),
    write: count,
    suppress: () => Promise.resolve(),
  };
  const stores = { refusals, pulls: { add: count } } as never;
  const event = { id: "x", time: 0, actor: "a", address: "local" };
  const messages = Array.from({ length: 100 }, (_, i) => {
    const body =
      i % 2 === 0 ? { kind: "audit", of: "denial", event } : { kind: "pulls", counts: [{}] };
    return { body: body as unknown as EventMessage };
  });
  await consume({ messages } as unknown as MessageBatch<EventMessage>, stores, () =>
    Promise.resolve(),
  );
  expect(writes).toBe(2);
  await consume({ messages: [] } as unknown as MessageBatch<EventMessage>, stores, () =>
    Promise.resolve(),
  );
  expect(writes).toBe(2);
});
