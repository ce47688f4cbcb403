/**
 * Limits on guessing passwords. Each test has addresses and accounts of its own: an address may send 20 wrong tokens a
 * minute.
 */
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { placesOf } from "../../../src/auth/login/throttle.ts";
import { LoginAttemptStore } from "../../../src/db/login-attempts.ts";
import { addSecret, from, logIn } from "../../support/accounts.ts";
import {
  basic,
  HOST,
  RegistryClient,
  refusal,
  type Send,
  withSettings,
} from "../../support/client.ts";
import { newNamespace, newUser, type Person } from "../../support/principals.ts";
import { turns } from "../../support/waits.ts";

const PASSWORD = "a password of twelve and more";
const TOO_MANY = { status: 429, code: "TOOMANYREQUESTS" };
const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };

let networks = 0;

/** A newly started Worker, with requests from an address in a range without any other. */
function stranger(): Send {
  networks++;
  return from(`10.${networks >> 8}.${networks & 255}.1`, withSettings({}));
}

function places(name: string, address = "") {
  const signing = { key: env.TOKEN_KEY, nextKey: null, service: HOST };
  return placesOf(name, { address, signing });
}

/**
 * Makes that many wrong attempts, each from another address. Only the last is a real request, which takes the attempt
 * of the moment.
 */
async function guess(name: string, times: number): Promise<void> {
  const { account } = await places(name);
  await env.DB.prepare(
    `INSERT INTO login_failures (key, failures, since) VALUES (?1, ?2, ?3)
     ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, tried_at = 0`,
  )
    .bind(`account:${account}`, times, Date.now())
    .run();
  expect(await refusal(await logIn(name, "wrong", "", stranger()))).toEqual(UNAUTHORIZED);
}

async function setClock(name: string, triedAgo: number): Promise<void> {
  const { account } = await places(name);
  await env.DB.prepare(`UPDATE login_failures SET tried_at = ?2 WHERE key = ?1`)
    .bind(`account:${account}`, Date.now() - triedAgo)
    .run();
}

/** A person who logged in from an address, in another isolate. */
async function knownAt(name: string, address: string, daysAgo = 0): Promise<void> {
  const at = Date.now() - daysAgo * 86_400_000;
  await new LoginAttemptStore(env.DB).remember(await places(name, address), at);
}

/** Reads when the account logged in from each recorded network. */
async function networksOf(name: string): Promise<number[]> {
  const sql = `SELECT used_at AS at FROM login_networks WHERE account = ?1`;
  const { account } = await places(name);
  const { results } = await env.DB.prepare(sql).bind(account).all<{ at: number }>();
  return results.map(({ at }) => at);
}

async function failures(): Promise<number> {
  const sql = `SELECT coalesce(sum(failures), 0) AS n FROM login_failures`;
  return (await env.DB.prepare(sql).first<{ n: number }>())?.n ?? -1;
}

async function keys(): Promise<string[]> {
  const { results } = await env.DB.prepare(`SELECT key FROM login_failures`).all<{ key: string }>();
  return results.map(({ key }) => key);
}

async function expectTooMany(response: Response, most = 900): Promise<void> {
  const wait = Number(response.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(most);
  expect(response.headers.get("www-authenticate")).toBeNull();
  expect(await response.clone().text()).toContain(`try again in ${wait} seconds`);
  expect(await refusal(response)).toEqual(TOO_MANY);
}

function asUser({ authorization }: Person, send: Send): RegistryClient {
  return new RegistryClient({ authorization, send });
}

test("thirty wrong passwords from thirty networks shut an account for nobody who logged in from theirs lately", async () => {
  const user = await newUser();
  const home = "198.18.200.7";
  await knownAt(user.name, home, 29);
  for (let i = 0; i < 31; i++) await logIn(user.name, "wrong", "", stranger());
  expect((await logIn(user.name, PASSWORD, "", from(home, withSettings({})))).status).toBe(200);
});

test("others then wait for a turn of the account, which comes every five seconds, and the right password is let in", async () => {
  const user = await newUser();
  await guess(user.name, 30);
  await expectTooMany(await logIn(user.name, PASSWORD, "", stranger()), 5);
  await expectTooMany(await asUser(user, stranger()).get("/token"), 5);
  await expectTooMany(await asUser(user, stranger()).get("/v2/"), 5);
  await setClock(user.name, 4_000);
  await expectTooMany(await logIn(user.name, PASSWORD, "", stranger()), 1);
  await setClock(user.name, 5_000);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("a network that asks all the time gets one turn a minute, and the next one is another's", async () => {
  const user = await newUser();
  await guess(user.name, 30);
  await setClock(user.name, 5_000);
  const poller = stranger();
  expect((await logIn(user.name, "wrong", "", poller)).status).toBe(401);
  await setClock(user.name, 5_000);
  await expectTooMany(await logIn(user.name, "wrong", "", poller), 60);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("a turn of a network in which nobody has failed is taken as well", async () => {
  const attempts = new LoginAttemptStore(env.DB);
  const paces = [{ key: crypto.randomUUID(), pace: 60_000 }];
  expect(await attempts.takeAttempts(paces, 1_000_000)).toBe(true);
  expect(await attempts.takeAttempts(paces, 1_059_999)).toBe(false);
  expect(await attempts.takeAttempts(paces, 1_060_000)).toBe(true);
});

test("one of a hundred tries at once passes at an account that gives turns", async () => {
  const user = await newUser();
  await guess(user.name, 30);
  await setClock(user.name, 5_000);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => logIn(user.name, "wrong", "", stranger())),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(49);
});

test("a known network is shut for its account by its own 30 failures, and for no other", async () => {
  const [user, other] = [await newUser(), await newUser()];
  const home = "198.18.201.7";
  await knownAt(user.name, home);
  await knownAt(other.name, home);
  const send = from(home, withSettings({}));
  for (let i = 0; i < 30; i++) expect((await logIn(user.name, "x", "", send)).status).toBe(401);
  await expectTooMany(await logIn(user.name, PASSWORD, "", send));
  expect((await logIn(other.name, PASSWORD, "", send)).status).toBe(200);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("neighbours who fail in a known network, or take all of its turns, shut it for nobody who is known there", async () => {
  const user = await newUser();
  const home = "198.18.202.7";
  await knownAt(user.name, home, 29);
  const none = { limit: () => Promise.resolve({ success: false }) };
  const own = (await places(user.name, home)).known;
  const limit = ({ key }: { key: string }) => Promise.resolve({ success: own.includes(key) });
  const taken = { STRANGER_LIMIT: none as never, PASSWORD_LIMIT: { limit } as never };
  expect((await logIn("x", "y", "", from(home, withSettings({})))).status).toBe(401);
  const update = env.DB.prepare(`UPDATE login_failures SET failures = 3000 WHERE key = ?1`);
  for (const key of [`address:${home}`, "range:198.18.202"]) {
    expect((await update.bind(key).run()).meta.changes).toBe(1);
  }
  await expectTooMany(await logIn("x", "y", "", from(home, withSettings({}))));
  await expectTooMany(await logIn(user.name, PASSWORD, "", from("10.9.9.9", withSettings(taken))));
  expect((await logIn(user.name, PASSWORD, "", from(home, withSettings(taken)))).status).toBe(200);
});

test("a /48 of IPv6 has a hundred failures, whatever its /64s and the accounts are", async () => {
  expect((await logIn("x", "y", "", from("2001:db8:77:1::1", withSettings({})))).status).toBe(401);
  const update = env.DB.prepare(`UPDATE login_failures SET failures = 100 WHERE key = ?1`);
  expect((await update.bind("range:2001:db8:77").run()).meta.changes).toBe(1);
  const neighbour = from("2001:db8:77:2::1", withSettings({}));
  await expectTooMany(await logIn((await newUser()).name, PASSWORD, "", neighbour));
});

test("past 1,000 failures of all strangers together a try passes every second, and who is known goes on", async () => {
  const user = await newUser();
  const home = "198.18.203.7";
  await knownAt(user.name, home);
  const insert = env.DB.prepare(
    `INSERT INTO login_failures VALUES ('all:', 1000, ?1, ?2) ON CONFLICT (key) DO UPDATE
     SET failures = 1000, since = excluded.since, tried_at = excluded.tried_at`,
  );
  // A time that has not passed when the attempts below are made.
  await insert.bind(Date.now(), Date.now() + 60_000).run();
  const limited = await logIn(user.name, PASSWORD, "", stranger());
  expect(await refusal(limited)).toEqual(TOO_MANY);
  expect((await logIn(user.name, PASSWORD, "", from(home, withSettings({})))).status).toBe(200);
  await insert.bind(Date.now(), Date.now() - 1000).run();
  expect(await refusal(await logIn("x", "y", "", stranger()))).toEqual(UNAUTHORIZED);
  await env.DB.prepare(`DELETE FROM login_failures WHERE key = 'all:'`).run();
});

test("turns of two counts are taken together or not at all", async () => {
  const attempts = new LoginAttemptStore(env.DB);
  const now = Date.now();
  const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
  await attempts.failed([one, other], now, 1000);
  const both = [one, other].map((key) => ({ key, pace: 500 }));
  expect(await attempts.takeAttempts(both, now)).toBe(true);
  expect(await attempts.takeAttempts(both, now + 499)).toBe(false);
  expect(await attempts.takeAttempts([{ key: one, pace: 500 }], now + 500)).toBe(true);
  expect(await attempts.takeAttempts(both, now + 600)).toBe(false);
  expect(await attempts.takeAttempts([{ key: other, pace: 500 }], now + 600)).toBe(true);
});

test("an account is known in the 50 networks that it logged in from last, and one more write a day keeps one", async () => {
  const attempts = new LoginAttemptStore(env.DB);
  const name = crypto.randomUUID();
  for (let i = 0; i < 60; i++) await attempts.remember(await places(name, `192.0.2.${i}`), i + 1);
  await attempts.remember(await places(name, "192.0.2.59"), 100);
  const used = await networksOf(name);
  expect(used).toHaveLength(50);
  expect(Math.min(...used)).toBe(11);
  expect(Math.max(...used)).toBe(100);
});

function minute(): number {
  return Math.floor(Date.now() / 60_000);
}

test("two hundred guesses at once are no more than a hundred in a row", async () => {
  const user = await newUser();
  const send = stranger();
  const first = minute();
  const derive = vi.spyOn(crypto.subtle, "deriveBits");
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => logIn(user.name, `wrong ${i}`, "", send)),
  );
  const tried = derive.mock.calls.length;
  vi.restoreAllMocks();
  // The limit's minutes are those of the clock: where the guesses are in two of them, each has its hundred.
  expect(tried).toBeGreaterThanOrEqual(100);
  expect(tried).toBeLessThanOrEqual(Math.min(200, 100 * (minute() - first + 1)));
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(200 - tried);
  await expectTooMany(await logIn(user.name, PASSWORD, "", send));
});

test("29 failures are a bad day: the right password still logs in", async () => {
  const user = await newUser();
  await guess(user.name, 29);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("an account that is not there answers as one that is", async () => {
  await guess("nobody-at-all", 30);
  await expectTooMany(await logIn("nobody-at-all", PASSWORD, "", stranger()), 5);
});

test("the administrator's password is counted like everyone's, and others log in meanwhile", async () => {
  const send = stranger();
  await guess("admin", 30);
  await expectTooMany(await logIn("admin", env.ADMIN_PASSWORD, "", send), 5);
  expect((await logIn((await newUser()).name, PASSWORD, "", send)).status).toBe(200);
  await env.DB.prepare(`DELETE FROM login_failures`).run();
});

test("a token of the account and a registry token go on meanwhile", async () => {
  const namespace = await newNamespace();
  const user = await newUser({ [`${namespace}/*`]: "writer" });
  const repository = `${namespace}/app`;
  const bearer = await asUser(user, stranger()).token(`repository:${repository}:pull,push`);
  const scopes = [{ repositories: "*", actions: ["push" as const] }];
  const { secret } = await addSecret({ user: user.name, scopes });
  await guess(user.name, 30);
  expect((await logIn(user.name, secret, "", stranger())).status).toBe(200);
  for (const authorization of [bearer, `Bearer ${secret}`, basic(user.name, secret)]) {
    const client = new RegistryClient({ repository, authorization, send: stranger() });
    expect((await client.request("POST", "blobs/uploads/")).status).toBe(202);
  }
});

test("who logged in rightly in this isolate before goes on, from the same network and with that password only", async () => {
  const user = await newUser();
  const home = stranger();
  expect((await logIn(user.name, PASSWORD, "", home)).status).toBe(200);
  await guess(user.name, 30);
  expect((await logIn(user.name, PASSWORD, "", home)).status).toBe(200);
  // Another network is told the same of the right password as of a wrong one.
  for (const password of [PASSWORD, `${PASSWORD}x`]) {
    await expectTooMany(await logIn(user.name, password, "", stranger()), 5);
  }
});

test("turns are needed no longer when 15 minutes have passed since the first failure, and counting begins anew", async () => {
  const user = await newUser();
  await guess(user.name, 30);
  await expectTooMany(await logIn(user.name, PASSWORD, "", stranger()), 5);
  await env.DB.prepare(`UPDATE login_failures SET since = since - 900000`).run();
  expect((await logIn(user.name, "wrong", "", stranger())).status).toBe(401);
  expect((await logIn(user.name, "wrong", "", stranger())).status).toBe(401);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("30 failures of an address are too many for every account, and a token logs in from there", async () => {
  const user = await newUser();
  const { secret } = await addSecret({
    user: user.name,
    scopes: [{ repositories: "*", actions: ["pull"] }],
  });
  const prefix = "2001:db8:7:1";
  expect((await logIn("x", "y", "", from(`${prefix}::1`, withSettings({})))).status).toBe(401);
  const update = env.DB.prepare(`UPDATE login_failures SET failures = 30 WHERE key = ?1`);
  expect((await update.bind(`address:${prefix}`).run()).meta.changes).toBe(1);
  const neighbour = from(`${prefix}:9::9`, withSettings({}));
  await expectTooMany(await logIn(user.name, PASSWORD, "", neighbour));
  expect((await logIn(user.name, secret, "", neighbour)).status).toBe(200);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("a flood of wrong tokens is no flood of writes either", async () => {
  const send = stranger();
  const client = new RegistryClient({ authorization: `Bearer slp_${"x".repeat(43)}`, send });
  for (let i = 0; i < 20; i++) expect((await client.get("/v2/")).status).toBe(401);
  const before = await failures();
  await expectTooMany(await client.get("/v2/"), 60);
  await expectTooMany(await logIn("oidc", "no.id.token", "", send), 60);
  await expectTooMany(await logIn("oidc", "slpo_x.y.z", "", send), 60);
  expect(await failures()).toBe(before);
});

test("a password typed as the name is kept nowhere: not by the counter, not by the log", async () => {
  const typed = `hunter2-${crypto.randomUUID().slice(0, 8)}`;
  const lines: unknown[] = [];
  vi.spyOn(console, "log").mockImplementation((line: unknown) => void lines.push(line));
  const response = await logIn(typed, "ada", "", stranger());
  vi.restoreAllMocks();
  expect(response.status).toBe(401);
  expect(await response.text()).not.toContain(typed);
  expect(JSON.stringify(lines)).not.toContain(typed);
  expect(lines).toHaveLength(1);
  for (const key of await keys())
    expect(key).toMatch(
      /^((account|known):[0-9a-f]{64}|address:[0-9a-f.:]+|range:[0-9a-f.:]+|all:)$/,
    );
});

test("a login that works is counted nowhere, and noted once a day and network", async () => {
  const user = await newUser();
  const before = await failures();
  const home = "198.18.204.7";
  expect((await logIn(user.name, PASSWORD, "", from(home, withSettings({})))).status).toBe(200);
  expect(await failures()).toBe(before);
  await expect.poll(() => networksOf(user.name)).toHaveLength(1);
  const [noted] = await networksOf(user.name);
  const isolate = withSettings({ TOKEN_MINUTES: "7" });
  for (let i = 0; i < 3; i++) await logIn(user.name, PASSWORD, "", from(home, isolate));
  await logIn(user.name, "wrong", "", stranger());
  await turns();
  expect(await networksOf(user.name)).toEqual([noted]);
});

function wrongSecret(i: number): string {
  return `slp_${"x".repeat(40)}${i}`;
}

test("wrong tokens shut nobody out: neither the account nor the address they came from", async () => {
  const user = await newUser();
  const send = stranger();
  const before = await failures();
  for (let i = 0; i < 20; i++) {
    expect(await refusal(await logIn(user.name, wrongSecret(i), "", send))).toEqual(UNAUTHORIZED);
  }
  await expectTooMany(await logIn(user.name, wrongSecret(20), "", send), 60);
  for (let i = 21; i < 51; i++) await logIn(user.name, wrongSecret(i), "", stranger());
  expect((await logIn(user.name, PASSWORD, "", send)).status).toBe(200);
  expect(await failures()).toBe(before);
});

test("the right password of a disabled user counts as no failure, and its address alone waits", async () => {
  const user = await newUser();
  await env.DB.prepare(`UPDATE users SET disabled_at = 1, disabled_by = 'admin' WHERE name = ?1`)
    .bind(user.name)
    .run();
  const send = stranger();
  const before = await failures();
  const statuses: number[] = [];
  for (let i = 0; i < 40; i++) {
    statuses.push((await logIn(user.name, PASSWORD, "", send)).status);
  }
  expect(statuses.slice(0, 20).every((status) => status === 401)).toBe(true);
  expect(statuses.at(-1)).toBe(429);
  expect(await failures()).toBe(before);
});
