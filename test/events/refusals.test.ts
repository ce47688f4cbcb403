/** Failed logins and what was denied: no answer waits for it, a queue brings it to the log. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { consume } from "../../src/events/consumer.ts";
import type { EventMessage } from "../../src/events/message.ts";
import { addSecret, from, logIn } from "../support/accounts.ts";
import { RegistryClient, tokenPath } from "../support/client.ts";
import { audited, deliver, Outbox, type Row } from "../support/events.ts";
import { newNamespace, newUser, type Person } from "../support/principals.ts";

let namespace: string;
let user: Person;
let outbox: Outbox;
let networks = 0;

beforeAll(async () => {
  namespace = await newNamespace();
  user = await newUser({ [`${namespace}/*`]: "reader" });
});

beforeEach(() => {
  outbox = new Outbox();
});

/** The Worker, asked from an address that nobody has asked from. */
function stranger() {
  return from(address(), outbox.send);
}

function address(): string {
  return `198.18.1.${++networks}`;
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
    address: `198.18.1.${networks}`,
    outcome: "failed",
  });
});

test.each<[string, (send: ReturnType<typeof stranger>) => Promise<Response>, string]>([
  ["Basic at /token", (send) => basicAt(send, "/token"), "wrong user name or password"],
  ["Basic on /v2/", (send) => basicAt(send, "/v2/"), "wrong user name or password"],
  [
    "a wrong secret",
    (send) => bearer(send, "slp_x"),
    "wrong user name or token, or it was revoked",
  ],
  ["a forged token", (send) => bearer(send, "a.b.c"), "a token that is not ours"],
  ["a forged credential", (send) => bearer(send, "slpo_a.b.c"), "the credential is not ours"],
  ["no ID token", (send) => logIn("oidc", "x", "", send), "send an OIDC ID token"],
  [
    "too long",
    (send) => logIn("x".repeat(321), "x", "", send),
    "the name or the password is too long",
  ],
])("%s is in the log with its reason", async (_, ask, detail) => {
  const response = await ask(stranger());
  expect(response.status).toBe(401);
  expect(await delivered(response)).toMatchObject({ action: "login", outcome: "failed", detail });
});

function basicAt(send: ReturnType<typeof stranger>, path: string): Promise<Response> {
  const authorization = `Basic ${btoa("ada:wrong")}`;
  return new RegistryClient({ authorization, send }).get(path);
}

function bearer(send: ReturnType<typeof stranger>, value: string): Promise<Response> {
  return new RegistryClient({ authorization: `Bearer ${value}`, send }).get("/v2/");
}

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
  const send = stranger();
  const words = [
    "a-wrong-password",
    "slp_wrong-secret",
    "slpo_wrong.credential.x",
    "ey.wrong.token",
  ];
  for (const word of words) {
    await logIn(user.name, word, "", send);
    await logIn("oidc", word, "", send);
    await bearer(send, word);
  }
  await expect.poll(() => outbox.messages.length).toBeGreaterThan(9);
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
  await scheduler.wait(50);
  expect(outbox.messages).toEqual([]);
});

test("60 events a minute are one address's limit: the answers stay the same, the log is not filled", async () => {
  const prefix = `2001:db8:${(++networks).toString(16)}:1`;
  const ask = (i: number) => {
    const send = from(`${prefix}::${i.toString(16)}`, outbox.send);
    const { authorization } = user;
    return new RegistryClient({ authorization, send }).get("/api/v1/users");
  };
  for (let i = 1; i <= 70; i++) expect((await ask(i)).status).toBe(403);
  await expect.poll(() => outbox.messages.length).toBe(60);
  await scheduler.wait(50);
  expect(outbox.messages).toHaveLength(60);
  const { authorization } = user;
  await new RegistryClient({ authorization, send: stranger() }).get("/api/v1/users");
  await expect.poll(() => outbox.messages.length).toBe(61);
});

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
  await expect.poll(() => audited(response), { timeout: 20_000, interval: 200 }).toHaveLength(1);
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

test("a batch of 100 messages of both kinds is written by two statements", async () => {
  let writes = 0;
  const count = () => Promise.resolve(void writes++);
  const stores = { audit: { add: count }, pulls: { add: count } } as never;
  const messages = Array.from({ length: 100 }, (_, i) => {
    const body = i % 2 === 0 ? { kind: "audit", event: {} } : { kind: "pulls", counts: [{}] };
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
