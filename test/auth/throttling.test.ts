/** What guessing passwords meets. Each test has addresses and accounts of its own: 20 wrong tokens a minute are one address's limit. */
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { failureKeys } from "../../src/auth/throttle.ts";
import { addSecret, from, logIn } from "../support/accounts.ts";
import {
  basic,
  HOST,
  RegistryClient,
  refusal,
  type Send,
  withSettings,
} from "../support/client.ts";
import { newNamespace, newUser, type Person } from "../support/principals.ts";

const PASSWORD = "a password of twelve and more";
const TOO_MANY = { status: 429, code: "TOOMANYREQUESTS" };
const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };

let networks = 0;

/** The Worker, newly started, asked from an address that nobody has asked from. */
function stranger(): Send {
  networks++;
  return from(`198.18.${networks >> 8}.${networks & 255}`, withSettings({}));
}

/** So many wrong passwords, each from another address: the last one really. */
async function guess(name: string, times: number): Promise<void> {
  const signing = { key: env.TOKEN_KEY, nextKey: null, service: HOST };
  const [key] = await failureKeys(name, { address: "", signing });
  await env.DB.prepare(`INSERT INTO login_failures VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`)
    .bind(key, times - 1, Date.now())
    .run();
  expect(await refusal(await logIn(name, "wrong", "", stranger()))).toEqual(UNAUTHORIZED);
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

test("after 30 failures of an account its right password is 429 with Retry-After, from everywhere and in a new isolate", async () => {
  const user = await newUser();
  await guess(user.name, 30);
  await expectTooMany(await logIn(user.name, PASSWORD, "", stranger()));
  await expectTooMany(await asUser(user, stranger()).get("/token"));
  await expectTooMany(await asUser(user, stranger()).get("/v2/"));
});

test("two hundred guesses at once are no more than a hundred in a row", async () => {
  const user = await newUser();
  const send = stranger();
  // The limit's minutes are those of the clock: all of the guesses shall be in one.
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 10_000) await scheduler.wait(left);
  const derive = vi.spyOn(crypto.subtle, "deriveBits");
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => logIn(user.name, `wrong ${i}`, "", send)),
  );
  const tried = derive.mock.calls.length;
  vi.restoreAllMocks();
  expect(tried).toBe(100);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(100);
  await expectTooMany(await logIn(user.name, PASSWORD, "", stranger()));
});

test("29 failures are a bad day: the right password still logs in", async () => {
  const user = await newUser();
  await guess(user.name, 29);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
});

test("an account that is not there answers as one that is", async () => {
  await guess("nobody-at-all", 30);
  await expectTooMany(await logIn("nobody-at-all", PASSWORD, "", stranger()));
});

test("the administrator's password is counted like everyone's, and others log in meanwhile", async () => {
  const send = stranger();
  await guess("admin", 30);
  await expectTooMany(await logIn("admin", env.ADMIN_PASSWORD, "", send));
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

test("who logged in rightly in this isolate before goes on, and with that password only", async () => {
  const user = await newUser();
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
  await guess(user.name, 30);
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
  await expectTooMany(await logIn(user.name, `${PASSWORD}x`, "", stranger()));
});

test("the wait ends when 15 minutes have passed since the first failure, and counting begins anew", async () => {
  const user = await newUser();
  await guess(user.name, 30);
  await expectTooMany(await logIn(user.name, PASSWORD, "", stranger()));
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
    expect(key).toMatch(/^(account:[0-9a-f]{64}|address:[0-9a-f.:]+)$/);
});

test("a login that works is written nowhere", async () => {
  const user = await newUser();
  const before = await failures();
  expect((await logIn(user.name, PASSWORD, "", stranger())).status).toBe(200);
  expect(await failures()).toBe(before);
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
