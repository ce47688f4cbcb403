/**
 * A client that has just logged in gets its next token without a query; what the cached login does not allow, the
 * database decides.
 */
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { anonymous } from "../../../src/auth/policy/access.ts";
import { clearLoginCache } from "../../../src/auth/login/cache.ts";
import { loginKey, cachedLogin, cacheWriter } from "../../../src/auth/login/login-cache.ts";
import { onRevocations } from "../../../src/auth/login/revocation.ts";
import { IdentityStore } from "../../../src/db/identities.ts";
import {
  addRobot,
  addSecret,
  logIn,
  makePublic,
  type Secret,
  signAsRegistry,
  takeBack,
} from "../../support/accounts.ts";
import { ADMIN, basic, RegistryClient, tokenPath, withSettings } from "../../support/client.ts";
import { Counter, NOTHING } from "../../support/counting.ts";
import { blob, imageManifest } from "../../support/images.ts";
import { newNamespace, newUser } from "../../support/principals.ts";
import { laterMoment } from "../../support/waits.ts";

const QUERY = { ...NOTHING, d1Queries: 1 };
const BATCH = { ...NOTHING, d1Batches: 1 };

let namespace: string;
let repository: string;

beforeAll(async () => {
  namespace = await newNamespace();
  repository = `${namespace}/app`;
  const admin = new RegistryClient({ repository });
  const config = await admin.pushBlob(blob());
  await admin.pushManifest(imageManifest({ config }), "latest");
});

afterEach(() => {
  vi.useRealTimers();
});

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

/** A client in an isolate that knows nothing. */
function inIsolate(authorization: string | null, counter = new Counter(), name = repository) {
  const client = new RegistryClient({ repository: name, authorization, send: counter.send });
  let token = "";
  const ask = (...actions: string[]) =>
    counter.during(async () => {
      token = await client.token(`repository:${name}:${actions.join(",")}`);
    });
  return { counter, client, ask, token: () => token };
}

/** Lets the isolate read the revocations, if that is due. */
async function look(client: RegistryClient): Promise<void> {
  await client
    .in(repository)
    .as(await signAsRegistry({ repository }))
    .startUpload();
}

function accessIn(token: string): string[] {
  const { access } = decodeJwt<{ access: { actions: string[] }[] }>(token.slice("Bearer ".length));
  return access.flatMap(({ actions }) => actions);
}

async function byPassword() {
  return (await loggedIn({ [`${namespace}/*`]: "writer" })).authorization;
}

/** Makes a user who has logged in from here today, which is recorded once a day. */
async function loggedIn(roles: Parameters<typeof newUser>[0] = {}) {
  const user = await newUser(roles);
  const { ask, counter } = inIsolate(user.authorization);
  await ask("pull");
  await counter.settled();
  return user;
}

async function bySecret() {
  const { name } = await newUser({ [`${namespace}/*`]: "writer" });
  const scopes = [{ repositories: "*", actions: ["push" as const] }];
  return basic(name, await used(addSecret({ user: name, scopes })));
}

async function byRobot() {
  const robot = await addRobot(namespace, [{ repositories: `${namespace}/*`, actions: ["push"] }]);
  return basic(robot, await used(addSecret({ robot })));
}

/** Returns the secret of a token that is recorded as used today. */
async function used(made: Promise<Secret>): Promise<string> {
  const { id, secret } = await made;
  await env.DB.prepare(`UPDATE tokens SET last_used = ?2 WHERE id = ?1`)
    .bind(id, Math.floor(Date.now() / 86_400_000))
    .run();
  return secret;
}

describe.each([
  ["a password", byPassword],
  ["a user's secret", bySecret],
  ["a robot's secret", byRobot],
  ["the administrator's password", () => Promise.resolve(ADMIN)],
])("%s", (_, make) => {
  test("is looked up with what was revoked in one batch, and not again for half a minute", async () => {
    const { ask, token, client, counter } = inIsolate(await make());
    expect(await ask("pull", "push")).toEqual(BATCH);
    const first = accessIn(token());
    // The cold pull after it asks for its tags alone.
    expect(await counter.during(() => client.as(token()).listTags())).toEqual(QUERY);
    wait(29_000);
    expect(await ask("pull", "push")).toEqual(NOTHING);
    expect(accessIn(token())).toEqual(first);
    expect(await counter.during(() => client.get("/v2/"))).toEqual(NOTHING);
    wait(1_500);
    expect(await ask("pull", "push")).toEqual(BATCH);
    expect(accessIn(token())).toEqual(first);
  });

  test("is looked up each time by what manages the registry", async () => {
    const { ask, client, counter } = inIsolate(await make());
    await ask("pull");
    for (let i = 0; i < 2; i++) {
      const calls = await counter.during(() => client.get("/api/v1/me"));
      expect(calls).toEqual(QUERY);
    }
  });
});

test("the same login is good for another repository that its role gives", async () => {
  const { ask, counter, client } = inIsolate(await byPassword());
  await ask("pull");
  const path = tokenPath(`repository:${namespace}/other:pull,push`);
  expect(await counter.during(() => client.get(path))).toEqual(NOTHING);
});

test("what is public is remembered for everyone, and asked for where it is not known", async () => {
  const { counter, ...stranger } = inIsolate(null);
  expect(await stranger.ask("pull")).toEqual(BATCH);
  expect(accessIn(stranger.token())).toEqual([]);
  await makePublic(repository);
  expect(await stranger.ask("pull")).toEqual(QUERY);
  expect(accessIn(stranger.token())).toEqual(["pull"]);
  expect(await stranger.ask("pull")).toEqual(NOTHING);
  expect(accessIn(stranger.token())).toEqual(["pull"]);
  const user = await newUser();
  const other = inIsolate(user.authorization, counter);
  await other.ask("pull");
  expect(await other.ask("pull")).toEqual(NOTHING);
  expect(accessIn(other.token())).toEqual(["pull"]);
  await env.DB.prepare(`UPDATE repositories SET visibility = 'private' WHERE name = ?1`)
    .bind(repository)
    .run();
  wait(30_500);
  for (const one of [stranger, other]) {
    await one.ask("pull");
    expect(accessIn(one.token())).toEqual([]);
  }
});

test("half a minute after it was looked up nothing is remembered, however much is known of revocations", async () => {
  const name = `${namespace}/open`;
  const admin = new RegistryClient({ repository: name });
  await admin.pushBlob(blob());
  await makePublic(name);
  const user = await newUser({ [`${namespace}/app`]: "writer" });
  const { counter, client } = inIsolate(user.authorization);
  const asks = [
    () => client.token(`repository:${repository}:pull`),
    () => client.as(null).token(`repository:${name}:pull`),
  ];
  for (const ask of asks) await ask();
  wait(20_000);
  for (const ask of asks) expect(await counter.during(ask)).toEqual(NOTHING);
  wait(10_500);
  await look(client);
  for (const ask of asks) expect(await counter.during(ask)).toEqual(QUERY);
});

test("a refusal is always the database's: a role that was given just now counts at once", async () => {
  const user = await loggedIn();
  const { ask, token } = inIsolate(user.authorization);
  expect(await ask("pull")).toEqual(BATCH);
  expect(await ask("pull")).toEqual(QUERY);
  await env.DB.prepare(
    `INSERT INTO members (user, namespace, pattern, role, created_at) VALUES (?1, ?2, ?3, 'reader', 0)`,
  )
    .bind(user.name, namespace, `${namespace}/*`)
    .run();
  expect(await ask("pull")).toEqual(QUERY);
  expect(accessIn(token())).toEqual(["pull"]);
  expect(await ask("pull")).toEqual(NOTHING);
  // Rights that the cached login does not give need the database.
  expect(await ask("pull", "push")).toEqual(QUERY);
});

test("Basic at /v2/ is let in to read from memory, and refused by the database", async () => {
  const { counter, client } = inIsolate(await byPassword());
  await client.get("/v2/");
  // The namespace's quota is read once, after the answer.
  await counter.duringAll(() => client.startUpload());
  for (let i = 0; i < 2; i++) {
    const push = await counter.during(() => client.startUpload());
    expect(push).toMatchObject({ d1Queries: 1, d1Batches: 0 });
  }
  expect(await counter.during(() => client.listTags())).toEqual(QUERY);
  const foreign = client.in(`${await newNamespace()}/x`);
  const calls = await counter.during(async () => {
    expect((await foreign.get("tags/list")).status).toBe(403);
  });
  expect(calls).toEqual(QUERY);
});

test("a wrong password is never right because another was", async () => {
  const user = await newUser({ [`${namespace}/*`]: "writer" });
  const { counter } = inIsolate(null);
  const password = "a password of twelve and more";
  const answers = async (name: string, secret: string) =>
    (await logIn(name, secret, "", counter.send)).status;
  expect(await answers(user.name, password)).toBe(200);
  for (const wrong of ["", `${password} `, password.slice(1), user.name]) {
    expect(await answers(user.name, wrong)).toBe(401);
  }
  expect(await answers(`${user.name}\n${password}`, "")).toBe(401);
  expect(await answers("", password)).toBe(401);
  const calls = await counter.during(() => answers(user.name, password));
  expect(calls).toEqual(NOTHING);
});

test("a secret ends in the middle of what is remembered", async () => {
  const { name } = await newUser({ [`${namespace}/*`]: "writer" });
  const scopes = [{ repositories: "*", actions: ["pull" as const] }];
  const { secret } = await addSecret({ user: name, scopes, expires: Date.now() + 10_000 });
  const { client, ask } = inIsolate(basic(name, secret));
  await ask("pull");
  wait(8_000);
  expect(await ask("pull")).toEqual(NOTHING);
  wait(2_500);
  expect((await client.get(tokenPath())).status).toBe(401);
});

/**
 * Makes a repository private that was public, for an isolate that has it cached or that has only read the revocations.
 */
async function published(known?: "the isolate looks") {
  const name = `${await newNamespace()}/open`;
  await new RegistryClient({ repository: name }).pushBlob(blob());
  await makePublic(name);
  const stranger = inIsolate(null, new Counter(), name);
  if (known === undefined) await stranger.ask("pull");
  else await look(stranger.client);
  const hide = () =>
    env.DB.prepare(`UPDATE repositories SET visibility = 'private' WHERE name = ?1`)
      .bind(name)
      .run();
  return { stranger, hide };
}

/** Makes a user who has just logged in, and deletes it. */
async function deleted() {
  const user = await newUser({ [`${namespace}/*`]: "writer" });
  const isolate = inIsolate(user.authorization);
  await isolate.ask("pull");
  const remove = async () => {
    await env.DB.prepare(`DELETE FROM users WHERE name = ?1`).bind(user.name).run();
    await takeBack(`user:${user.name}`);
  };
  return { ...isolate, remove };
}

describe("what was taken back since the login", () => {
  test("ends the tokens of a login from memory: they are as old as the login", async () => {
    const { ask, token, remove } = await deleted();
    await remove();
    await laterMoment();
    expect(await ask("pull")).toEqual(NOTHING);
    const elsewhere = new RegistryClient({
      repository,
      authorization: token(),
      send: withSettings({}),
    });
    expect((await elsewhere.get("tags/list")).status).toBe(401);
  });

  test("ends the tokens of what was public from memory", async () => {
    const { stranger, hide } = await published();
    await hide();
    await laterMoment();
    expect(await stranger.ask("pull")).toEqual(NOTHING);
    const elsewhere = new RegistryClient({
      repository: stranger.client.repository,
      authorization: stranger.token(),
      send: withSettings({}),
    });
    expect((await elsewhere.get("tags/list")).status).toBe(401);
  });

  test("counts for what was public, too, as soon as the isolate knows of it", async () => {
    const { stranger, hide } = await published("the isolate looks");
    wait(20_000);
    expect(await stranger.ask("pull")).toEqual(QUERY);
    await hide();
    wait(11_000);
    await look(stranger.client);
    expect(await stranger.ask("pull")).toEqual(QUERY);
    expect(accessIn(stranger.token())).toEqual([]);
  });

  test("counts as soon as the isolate knows of it, however young the login is", async () => {
    const user = await loggedIn({ [`${namespace}/*`]: "writer" });
    const { client, ask, token } = inIsolate(user.authorization);
    // The isolate looks, …
    await look(client);
    wait(20_000);
    // … then there is a login, …
    expect(await ask("pull")).toEqual(QUERY);
    await env.DB.prepare(`DELETE FROM members WHERE user = ?1`).bind(user.name).run();
    await takeBack(`user:${user.name}@${namespace}`);
    wait(11_000);
    // … and it looks again.
    await look(client);
    expect(await ask("pull")).toEqual(QUERY);
    expect(accessIn(token())).toEqual([]);
  });

  test("is known at once where it was taken", async () => {
    const user = await newUser({ [`${namespace}/*`]: "writer" });
    const { ask, token, client, counter } = inIsolate(user.authorization);
    await ask("pull");
    const bearer = client.as(token());
    expect((await bearer.get("tags/list")).status).toBe(200);
    const path = `/api/v1/namespaces/${namespace}/members/${user.name}`;
    expect((await client.as(ADMIN).request("DELETE", path)).status).toBe(204);
    expect((await bearer.get("tags/list")).status).toBe(401);
    expect(await counter.during(() => ask("pull"))).not.toEqual(NOTHING);
    expect(accessIn(token())).toEqual([]);
  });

  test("is not forgotten for a change that was refused, nor for a stranger's exchange", async () => {
    const { ask, client } = inIsolate(await byPassword());
    await ask("pull");
    const headers = { "content-type": "application/json" };
    const refused = await client
      .as(null)
      .request("POST", "/api/v1/repositories", { headers, body: JSON.stringify({ name: "a/b" }) });
    expect(refused.status).toBe(401);
    await client.as(null).request("POST", "/api/v1/oidc/exchange", { headers, body: "{}" });
    expect(await ask("pull")).toEqual(NOTHING);
  });
});

test("a login that was looked up before the isolate forgot all is not remembered", async () => {
  const identities = new IdentityStore(env.DB);
  const key = await loginKey({ username: "ada", password: "x" }, "k", "");
  const actor = { ...anonymous(false), name: "ada", grantedAt: Date.now() };
  onRevocations(identities)?.(await identities.revoked());
  cacheWriter(identities).login(key, actor, null);
  expect(cachedLogin(key, identities)?.actor).toEqual(actor);
  const remember = cacheWriter(identities);
  clearLoginCache(identities);
  onRevocations(identities)?.(await identities.revoked());
  remember.login(key, actor, null);
  expect(cachedLogin(key, identities)).toBeNull();
});

test("what a login is remembered by says nothing of the password without the key", async () => {
  const credentials = { username: "ada", password: "a password" };
  const key = await loginKey(credentials, "k", "10.0.0.1");
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(await loginKey(credentials, "another", "10.0.0.1")).not.toBe(key);
  expect(await loginKey(credentials, "k", "10.0.0.2")).not.toBe(key);
  const others = [
    { username: "ad", password: "aa password" },
    { username: "ada\na password", password: "" },
    { username: 'ada","a password', password: "" },
  ];
  for (const other of others) expect(await loginKey(other, "k", "10.0.0.1")).not.toBe(key);
});
