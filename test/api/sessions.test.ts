/** Sign-in by password: how a session begins, what it may, and all that ends it. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Session } from "../../src/api/schema/sessions.ts";
import { NO_COOKIE } from "../../src/auth/sign-in/cookie.ts";
import { IDLE_MS, LONGEST_MS } from "../../src/auth/sign-in/session.ts";
import type { EventMessage } from "../../src/events/message.ts";
import { MAX_SESSIONS } from "../../src/db/sessions.ts";
import { ROUTES } from "../../src/routes.ts";
import { anyAddress, from } from "../support/accounts.ts";
import { basic, HOST, RegistryClient, withSettings } from "../support/client.ts";
import { Counter, NOTHING } from "../support/counting.ts";
import {
  api,
  audited,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  PASSWORD,
  problem,
  refused,
} from "../support/management.ts";
import {
  addSession,
  type Browser,
  browserOf,
  secretOf,
  signIn,
  trySignIn,
} from "../support/sign-in.ts";

const MINUTE = 60_000;
const ENDED = { status: 401, code: "SESSION_ENDED" };

afterEach(() => {
  vi.useRealTimers();
});

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

/** Sends a request as a page with the session's cookie does. */
function by({ headers }: Browser, method: string, path: string, body?: unknown) {
  return api(method, path, body, { as: null, headers });
}

async function me(browser: Browser): Promise<unknown> {
  return problemOr(await by(browser, "GET", "/me"));
}

/** Returns the name of the caller, or the refusal. */
async function problemOr(response: Response): Promise<unknown> {
  if (response.ok) return (await response.json<{ name: string }>()).name;
  return problem(response);
}

function listed(browser: Browser): Promise<{ items: Session[]; next: string | null }> {
  return done("GET", "/sessions", undefined, { as: null, headers: browser.headers });
}

describe("a sign-in", () => {
  test("answers with the session, and sets a cookie that only browsers of this very host send", async () => {
    const user = await makeUser();
    const headers = { "user-agent": "a browser", "cf-connecting-ip": "192.0.2.7" };
    const response = await trySignIn(user.name, { headers });
    expect(response.status).toBe(201);
    expect(response.headers.get("set-cookie")).toMatch(
      /^__Host-slipway=slps_[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    );
    expect(response.headers.get("cache-control")).toBe("no-store");
    const session = await response.json<Session>();
    expect(session).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      createdAt: expect.any(String),
      lastSeenAt: session.createdAt,
      expiresAt: new Date(Date.parse(session.createdAt) + IDLE_MS).toISOString(),
      address: "192.0.2.7",
      agent: "a browser",
      current: true,
    });
  });

  test("makes the caller who signed in, with all of their rights", async () => {
    const { namespace, owner } = await makeNamespace();
    const browser = await signIn(owner.name);
    expect(await (await by(browser, "GET", "/me")).json()).toMatchObject({
      name: owner.name,
      via: "session",
      roles: [{ repositories: `${namespace}/*`, role: "owner" }],
      scopes: null,
      expires: null,
    });
    const role = { role: "reader" };
    const other = await makeUser();
    const path = `/namespaces/${namespace}/members/${other.name}`;
    expect((await by(browser, "PUT", path, role)).status).toBe(201);
    expect((await by(browser, "GET", "/users")).status).toBe(403);
    const token = { description: "made by a session", expiresInDays: null };
    expect((await by(browser, "POST", "/tokens", token)).status).toBe(201);
  });

  test("the built-in administrator's administers", async () => {
    const browser = await signIn("admin", { password: env.ADMIN_PASSWORD });
    expect((await by(browser, "GET", "/users")).status).toBe(200);
    expect(await me(browser)).toBe("admin");
  });

  test("stores a hash of the secret and no secret, neither in a row nor in the log", async () => {
    const user = await makeUser();
    const lines: unknown[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((line) => void lines.push(line));
    const browser = await signIn(user.name, { send: withSettings({}) });
    await api("GET", "/me", undefined, {
      as: null,
      headers: browser.headers,
      send: withSettings({}),
    });
    log.mockRestore();
    expect(lines.length).toBeGreaterThan(1);
    const rows = await env.DB.batch([
      env.DB.prepare(`SELECT * FROM sessions`),
      env.DB.prepare(`SELECT * FROM audit`),
    ]);
    const all = JSON.stringify([lines, rows.map(({ results }) => results)]);
    expect(all).toContain(browser.id);
    expect(all).not.toContain(browser.secret);
    expect(all).not.toContain(PASSWORD);
  });

  test("is in the audit log, and so is its end, with the session as what it came by", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    expect(await audited(browser.id)).toEqual(["session.begin"]);
    expect((await by(browser, "DELETE", "/sessions/current")).status).toBe(204);
    const { results } = await env.DB.prepare(
      `SELECT actor, subject, via, action FROM audit WHERE reference = ?1 ORDER BY id`,
    )
      .bind(browser.id)
      .all();
    expect(results).toEqual([
      { actor: user.name, subject: null, via: "password", action: "session.begin" },
      {
        actor: user.name,
        subject: `session:${browser.id}`,
        via: "session",
        action: "session.end",
      },
    ]);
  });

  test("replaces the session that the browser had, and takes over no id or secret that it was given", async () => {
    const [victim, attacker] = [await makeUser(), await makeUser()];
    const planted = await signIn(attacker.name);
    const browser = await signIn(victim.name, { headers: planted.headers });
    expect(browser.secret).not.toBe(planted.secret);
    expect(browser.id).not.toBe(planted.id);
    expect(await me(planted)).toEqual(ENDED);
    expect(await me(browser)).toBe(victim.name);
  });

  test("takes no secret that the browser chose", async () => {
    const user = await makeUser();
    const chosen = browserOf("", `slps_${"a".repeat(43)}`);
    const browser = await signIn(user.name, { headers: chosen.headers });
    expect(browser.secret).not.toBe(chosen.secret);
    expect(await me(chosen)).toEqual(ENDED);
  });

  test("needs no session that is still good: an ended cookie does not stand in its way", async () => {
    const user = await makeUser();
    const old = await addSession(user.name, { seenAt: Date.now() - IDLE_MS - MINUTE });
    expect(await me(old)).toEqual(ENDED);
    expect(await me(await signIn(user.name, { headers: old.headers }))).toBe(user.name);
  });

  test.each(["http://registry.test", "http://192.0.2.1:8787"])(
    "is refused at %s, where a browser would drop the cookie",
    async (origin) => {
      const user = await makeUser();
      const headers = { "content-type": "application/json", origin };
      const body = JSON.stringify({ name: user.name, password: PASSWORD });
      const url = `${origin}/api/v1/sessions`;
      const response = await withSettings({})(new Request(url, { method: "POST", headers, body }));
      expect(await response.clone().json()).toMatchObject({
        detail: expect.stringContaining("sign in over https: a browser drops the cookie"),
      });
      expect(await problem(response)).toEqual({ status: 400, code: "REQUEST_INVALID" });
      expect(response.headers.has("set-cookie")).toBe(false);
    },
  );

  test.each(["http://localhost:8787", "http://127.0.0.1:8787"])("works at %s", async (origin) => {
    const user = await makeUser();
    const headers = { "content-type": "application/json", origin };
    const body = JSON.stringify({ name: user.name, password: PASSWORD });
    const url = `${origin}/api/v1/sessions`;
    const response = await withSettings({})(new Request(url, { method: "POST", headers, body }));
    expect(response.status).toBe(201);
  });
});

describe("who cannot sign in", () => {
  test("tokens, robots, workloads and what they exchange", async () => {
    const { namespace, owner } = await makeNamespace();
    const token = await makeToken(owner);
    const robot = await done<{ name: string; secret: string }>(
      "POST",
      `/namespaces/${namespace}/robots`,
      { name: "ci", scopes: [{ repositories: `${namespace}/*`, actions: ["pull"] }] },
    );
    for (const [name, password, field] of [
      [owner.name, token, "password"],
      ["", token, "password"],
      [owner.name, "slpo_x", "password"],
      [robot.name, robot.secret, "name"],
      [robot.name, PASSWORD, "name"],
      ["oidc", "an.id.token", "name"],
    ] as const) {
      const response = await trySignIn(name, { password });
      expect(await response.clone().json()).toMatchObject({ errors: [{ field }] });
      expect(await problem(response)).toEqual({ status: 400, code: "FIELD_INVALID" });
      expect(response.headers.has("set-cookie")).toBe(false);
    }
  });

  test("a wrong password, nobody, and a disabled user, who are told what a login is told", async () => {
    const user = await makeUser();
    const send = from(anyAddress(), withSettings({}));
    for (const [name, password] of [
      [user.name, "wrong"],
      ["nobody-at-all", PASSWORD],
      ["admin", "wrong"],
    ] as const) {
      const response = await trySignIn(name, { password, send });
      expect(await problem(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
      expect(response.headers.has("set-cookie")).toBe(false);
    }
    await done("PATCH", `/users/${user.name}`, { disabled: true });
    const response = await trySignIn(user.name, { send });
    expect(await response.clone().json()).toMatchObject({
      detail: expect.stringContaining("disabled"),
    });
    expect(response.status).toBe(401);
  });

  test("guessing is slowed down as at every login, whichever way the guesses come", async () => {
    const user = await makeUser();
    const send = from(anyAddress(), withSettings({}));
    for (let i = 0; i < 15; i++) {
      expect((await trySignIn(user.name, { password: `wrong ${i}`, send })).status).toBe(401);
      const as = basic(user.name, `wrong ${i}`);
      expect((await api("GET", "/me", undefined, { as, send })).status).toBe(401);
    }
    const response = await trySignIn(user.name, { send });
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  test("an account that changes in the moment of its sign-in", async () => {
    const user = await makeUser();
    const before = await signIn((await makeUser()).name);
    // The password is right when it is checked, and another one when the session begins.
    await env.DB.prepare(`INSERT INTO revocations (subject, revoked_at) VALUES (?1, ?2)`)
      .bind(`user:${user.name}`, Date.now() + MINUTE)
      .run();
    const response = await trySignIn(user.name, { headers: before.headers });
    expect(await problem(response)).toEqual({ status: 409, code: "CONFLICT" });
    expect(response.headers.has("set-cookie")).toBe(false);
    const { results } = await env.DB.prepare(`SELECT id FROM sessions WHERE user = ?1`)
      .bind(user.name)
      .all();
    expect(results).toEqual([]);
    // The browser keeps the session that it had.
    const own = await api("GET", "/sessions", undefined, { as: null, headers: before.headers });
    expect(own.status).toBe(200);
  });
});

describe("a session ends", () => {
  test("after twelve hours without use", async () => {
    const browser = await signIn((await makeUser()).name);
    wait(IDLE_MS - MINUTE);
    expect(await me(browser)).toEqual(expect.any(String));
    // That use counts.
    wait(IDLE_MS - MINUTE);
    expect(await me(browser)).toEqual(expect.any(String));
    wait(IDLE_MS + MINUTE);
    expect(await me(browser)).toEqual(ENDED);
  });

  test("after fourteen days, however much it is used", async () => {
    const user = await makeUser();
    const expiresAt = Date.now() + MINUTE;
    const browser = await addSession(user.name, { expiresAt });
    expect((await listed(browser)).items).toMatchObject([
      { expiresAt: new Date(expiresAt).toISOString() },
    ]);
    wait(2 * MINUTE);
    expect(await me(browser)).toEqual(ENDED);
    const [first] = (await listed(await signIn(user.name))).items;
    expect(Date.parse(first?.createdAt ?? "") + IDLE_MS).toBe(Date.parse(first?.expiresAt ?? ""));
    const row = await env.DB.prepare(
      `SELECT expires_at - created_at AS life FROM sessions WHERE id = ?1`,
    )
      .bind(first?.id)
      .first();
    expect(row).toEqual({ life: LONGEST_MS });
  });

  test("when its user signs out, and the cookie with it", async () => {
    const browser = await signIn((await makeUser()).name);
    const response = await by(browser, "DELETE", "/sessions/current");
    expect(response.status).toBe(204);
    expect(response.headers.get("set-cookie")).toBe(NO_COOKIE);
    expect(await me(browser)).toEqual(ENDED);
  });

  test("when its user ends it from elsewhere, which takes no other cookie away", async () => {
    const { name, authorization } = await makeUser();
    const [one, two, three] = [await signIn(name), await signIn(name), await signIn(name)];
    const response = await by(one, "DELETE", `/sessions/${two.id}`);
    expect([response.status, response.headers.get("set-cookie")]).toEqual([204, null]);
    expect([await me(one), await me(two)]).toEqual([name, ENDED]);
    const path = `/sessions/${three.id}`;
    expect((await api("DELETE", path, undefined, { as: authorization })).status).toBe(204);
    expect(await me(three)).toEqual(ENDED);
  });

  test("by an administrator, and by no other user", async () => {
    const [user, other] = [await makeUser(), await makeUser()];
    const browser = await signIn(user.name);
    const path = `/sessions/${browser.id}`;
    const answer = await refused("DELETE", path, undefined, { as: other.authorization });
    expect(answer).toEqual({ status: 404, code: "NOT_FOUND" });
    expect(await me(browser)).toBe(user.name);
    await done("DELETE", path);
    expect(await me(browser)).toEqual(ENDED);
  });

  test("with a new password by an administrator", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    await done("PATCH", `/users/${user.name}`, { admin: true });
    expect(await me(browser)).toBe(user.name);
    await done("PATCH", `/users/${user.name}`, { password: `${PASSWORD}, a new one` });
    expect(await me(browser)).toEqual(ENDED);
  });

  test("with its account disabled, and does not come back with it", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    await done("PATCH", `/users/${user.name}`, { disabled: true });
    expect(await me(browser)).toEqual(ENDED);
    await done("PATCH", `/users/${user.name}`, { disabled: false });
    expect(await me(browser)).toEqual(ENDED);
  });

  test("with its account, and does not come back with another of that name", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    await done("DELETE", `/users/${user.name}`);
    expect(await me(browser)).toEqual(ENDED);
    await done("POST", "/users", { name: user.name, password: PASSWORD });
    expect(await me(browser)).toEqual(ENDED);
  });

  test("with the deployment's ADMIN_PASSWORD, if it is the built-in administrator's", async () => {
    const browser = await signIn("admin", { password: env.ADMIN_PASSWORD });
    const user = await signIn((await makeUser()).name);
    const send = withSettings({ ADMIN_PASSWORD: "another password of the deployment" });
    const ask = ({ headers }: Browser) => api("GET", "/me", undefined, { as: null, headers, send });
    expect(await problemOr(await ask(browser))).toEqual(ENDED);
    expect((await ask(user)).status).toBe(200);
  });

  test("with a role that is taken away, as far as the role went", async () => {
    const { namespace, owner } = await makeNamespace();
    const browser = await signIn(owner.name);
    const path = `/namespaces/${namespace}/members`;
    expect((await by(browser, "GET", path)).status).toBe(200);
    await done("DELETE", `${path}/${owner.name}?confirm=last-owner`);
    expect((await by(browser, "GET", path)).status).toBe(403);
  });
});

describe("an ended session", () => {
  test.each([
    ["that is unknown", `slps_${"a".repeat(43)}`],
    ["that is no secret of ours", "nonsense"],
    ["that is empty", ""],
    ["that is a token", `slp_${"a".repeat(43)}`],
  ])("a cookie %s is told so, and taken away by /me alone", async (_, secret) => {
    const { headers } = browserOf("", secret);
    for (const path of ["/repositories", "/me"]) {
      const response = await api("GET", path, undefined, { as: null, headers });
      // An answer that comes late would take away the cookie of a sign-in in another tab.
      expect(response.headers.get("set-cookie")).toBe(path === "/me" ? NO_COOKIE : null);
      expect(response.headers.has("www-authenticate")).toBe(true);
      expect(await problem(response)).toEqual(ENDED);
    }
  });

  test("a cookie that is none of ours costs no query", async () => {
    const counter = new Counter();
    const { headers } = browserOf("", "nonsense");
    const options = { as: null, headers, send: counter.send };
    const calls = await counter.duringAll(() => api("GET", "/me", undefined, options));
    expect(calls).toEqual(NOTHING);
  });

  test("a token's secret is no cookie, and a cookie's secret is no token or password", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    const send = from(anyAddress(), withSettings({}));
    for (const as of [
      `Bearer ${browser.secret}`,
      basic(user.name, browser.secret),
      basic("", browser.secret),
    ]) {
      expect((await api("GET", "/me", undefined, { as, send })).status).toBe(401);
    }
  });
});

/** The routes that do something of their own with the cookie. */
const USES: Readonly<Record<string, string>> = {
  "POST /api/v1/sessions": "is replaced",
  "GET /api/v1/me": "authenticates or is dropped",
};

describe("the cookie counts below /api/ alone", () => {
  test("for every route", () => {
    for (const { method, path, cookie } of ROUTES) {
      const isApi = path.startsWith("/api/");
      const use = USES[`${method} ${path}`] ?? (isApi ? "authenticates" : "is ignored");
      expect([method, path, cookie]).toEqual([method, path, use]);
    }
  });

  test("not at the token service, nor at the registry", async () => {
    const { namespace, owner } = await makeNamespace();
    const browser = await signIn(owner.name);
    const repository = `${namespace}/app`;
    const client = new RegistryClient({ repository, authorization: null });
    const { headers } = browser;
    for (const path of ["/v2/", `/v2/${repository}/tags/list`, "/v2/_catalog"]) {
      const response = await client.get(path, headers);
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.has("set-cookie")).toBe(false);
    }
    expect((await client.request("POST", "blobs/uploads/", { headers })).status).toBe(401);
    const scope = `scope=repository:${repository}:pull,push`;
    const response = await client.get(`/token?service=${HOST}&${scope}`, headers);
    const { token } = await response.json<{ token: string }>();
    const pushed = await client.as(`Bearer ${token}`).request("POST", "blobs/uploads/");
    expect(pushed.status).toBe(403);
  });

  test("not where an Authorization header comes with it, right or wrong", async () => {
    const [user, other] = [await makeUser(), await makeUser()];
    const { headers } = await signIn(user.name);
    const answer = await done("GET", "/me", undefined, { as: other.authorization, headers });
    expect(answer).toMatchObject({ name: other.name, via: "password" });
    const send = from(anyAddress(), withSettings({}));
    const wrong = { as: "Bearer nonsense", headers, send };
    expect((await api("GET", "/me", undefined, wrong)).status).toBe(401);
    // Programs with a cookie jar need not say where they come from.
    const { cookie = "" } = headers;
    const plain = { as: other.authorization, headers: { cookie } };
    expect((await api("GET", "/me", undefined, plain)).status).toBe(200);
  });
});

describe("a request of another site", () => {
  const SITES: readonly [string, Record<string, string>][] = [
    ["of another site", { "sec-fetch-site": "cross-site", origin: "https://evil.test" }],
    ["of another host of the domain", { "sec-fetch-site": "same-site", origin: "https://a.test" }],
    ["of another site, by an older browser", { origin: "https://evil.test" }],
    ["of a page in a sandbox", { "sec-fetch-site": "cross-site", origin: "null" }],
  ];

  test.each([...SITES, ["that says nothing of it", {}] as const])(
    "%s is refused with the cookie, whatever it asks, and changes nothing",
    async (_, headers) => {
      const user = await makeUser();
      const { cookie = "" } = (await signIn(user.name)).headers;
      for (const [method, path, body] of [
        ["GET", "/me", undefined],
        ["POST", "/tokens", { description: "stolen" }],
        ["PUT", "/me/password", { current: PASSWORD, password: "chosen by another site" }],
        ["DELETE", "/sessions/current", undefined],
      ] as const) {
        const options = { as: null, headers: { ...headers, cookie } };
        const answer = await refused(method, path, body, options);
        expect(answer).toEqual({ status: 403, code: "CROSS_ORIGIN" });
      }
    },
  );

  test.each(SITES)("%s signs nobody in", async (_, headers) => {
    const user = await makeUser();
    const body = { name: user.name, password: PASSWORD };
    const answer = await refused("POST", "/sessions", body, { as: null, headers });
    expect(answer).toEqual({ status: 403, code: "CROSS_ORIGIN" });
  });

  test("does not end the session, nor take the cookie away", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    const headers = { ...browser.headers, "sec-fetch-site": "cross-site" };
    const response = await api("DELETE", "/sessions/current", undefined, { as: null, headers });
    expect(response.headers.has("set-cookie")).toBe(false);
    expect(await me(browser)).toBe(user.name);
  });

  test("a body that is no JSON is refused, whoever sends it", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    const body = JSON.stringify({ description: "test" });
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const headers = { ...browser.headers, "content-type": type };
      const answer = await refused("POST", "/tokens", body, { as: null, headers });
      expect(answer).toEqual({ status: 415, code: "MEDIA_TYPE_UNSUPPORTED" });
    }
  });

  test("without a cookie or credentials it reads what is public, as before", async () => {
    const headers = { "sec-fetch-site": "cross-site", origin: "https://other.test" };
    const response = await api("GET", "/repositories", undefined, { as: null, headers });
    expect(response.status).toBe(200);
  });
});

describe("PUT /me/password by a session", () => {
  const NEW = `${PASSWORD}, a new one`;

  test("takes the current password, ends all other sessions, and goes on with a new cookie", async () => {
    const { name } = await makeUser();
    const [browser, other] = [await signIn(name), await signIn(name)];
    const response = await by(browser, "PUT", "/me/password", { current: PASSWORD, password: NEW });
    expect(response.status).toBe(204);
    const fresh = browserOf("", secretOf(response));
    expect(fresh.secret).not.toBe(browser.secret);
    expect([await me(browser), await me(other), await me(fresh)]).toEqual([ENDED, ENDED, name]);
    expect((await listed(fresh)).items).toMatchObject([{ current: true }]);
    expect((await trySignIn(name)).status).toBe(401);
    expect((await trySignIn(name, { password: NEW })).status).toBe(201);
  });

  test("by the password alone it ends all sessions, and sets no cookie", async () => {
    const { name, authorization } = await makeUser();
    const browser = await signIn(name);
    const body = { current: PASSWORD, password: NEW };
    const response = await api("PUT", "/me/password", body, { as: authorization });
    expect([response.status, response.headers.get("set-cookie")]).toEqual([204, null]);
    expect(await me(browser)).toEqual(ENDED);
  });

  test("a wrong one goes to the audit log as a failed login", async () => {
    const { name } = await makeUser();
    const { headers } = await addSession(name);
    const events: EventMessage[] = [];
    const deferred: Promise<unknown>[] = [];
    const queue = { send: (message: EventMessage) => Promise.resolve(events.push(message)) };
    const send = withSettings({ EVENTS: queue } as never, (work) => void deferred.push(work));
    const body = { current: "wrong", password: NEW };
    await api("PUT", "/me/password", body, { as: null, headers, send });
    await Promise.all(deferred);
    expect(events).toMatchObject([
      { event: { action: "login", actor: name, via: "session", outcome: "failed" } },
    ]);
  });

  test("a wrong one is refused, and changes nothing", async () => {
    const user = await makeUser();
    const browser = await signIn(user.name);
    const token = await makeToken(user);
    for (const current of ["wrong", token, ""]) {
      const body = { current, password: NEW };
      const options = { as: null, headers: browser.headers };
      const answer = await refused("PUT", "/me/password", body, options);
      expect(answer).toEqual({ status: 400, code: "FIELD_INVALID" });
    }
    expect(await me(browser)).toBe(user.name);
  });

  test("whoever took a session cannot guess the password by it", async () => {
    const { name } = await makeUser();
    const { headers } = await addSession(name);
    const send = from(anyAddress(), withSettings({}));
    const statuses = new Set<number>();
    for (let i = 0; i < 31; i++) {
      const body = { current: `wrong ${i}`, password: NEW };
      const options = { as: null, headers, send };
      statuses.add((await api("PUT", "/me/password", body, options)).status);
    }
    expect([...statuses]).toEqual([400, 429]);
    const options = { as: null, headers, send };
    const right = { current: PASSWORD, password: NEW };
    expect((await api("PUT", "/me/password", right, options)).status).toBe(429);
  });

  test("an administrator's session changes no password of its own without the current one", async () => {
    const { name } = await makeUser({ admin: true });
    const browser = await signIn(name);
    const options = { as: null, headers: browser.headers };
    const answer = await refused("PATCH", `/users/${name}`, { password: NEW }, options);
    expect(answer).toEqual({ status: 403, code: "DENIED" });
  });
});

describe("GET /sessions", () => {
  test("lists the caller's own that have not ended, and which is the caller's", async () => {
    const [user, other] = [await makeUser(), await makeUser()];
    const [one, two] = [await signIn(user.name), await signIn(user.name)];
    await signIn(other.name);
    await addSession(user.name, { seenAt: Date.now() - IDLE_MS - MINUTE });
    await addSession(user.name, { expiresAt: Date.now() - MINUTE });
    const { items, next } = await listed(one);
    expect(next).toBeNull();
    const current = items.map(({ id, current: isCurrent }) => [id, isCurrent]);
    expect(Object.fromEntries(current)).toEqual({ [one.id]: true, [two.id]: false });
    const as = user.authorization;
    const page = await done<{ items: Session[]; next: string }>(
      "GET",
      "/sessions?limit=1",
      undefined,
      { as },
    );
    expect(page.items).toMatchObject([{ current: false }]);
    const rest = await done<{ items: Session[] }>(
      "GET",
      `/sessions?after=${page.next}`,
      undefined,
      {
        as,
      },
    );
    expect([...page.items, ...rest.items].map(({ id }) => id).toSorted()).toEqual(
      [one.id, two.id].toSorted(),
    );
    expect(JSON.stringify(items)).not.toContain("slps_");
  });

  test("is for people with all of their rights", async () => {
    const { namespace, owner } = await makeNamespace();
    const scopes = [{ repositories: `${namespace}/*`, actions: ["admin"] }];
    const limited = `Bearer ${await makeToken(owner, { scopes })}`;
    const unlimited = `Bearer ${await makeToken(owner)}`;
    expect((await api("GET", "/sessions", undefined, { as: limited })).status).toBe(403);
    expect((await api("GET", "/sessions", undefined, { as: unlimited })).status).toBe(200);
    const none = await refused("DELETE", "/sessions/current", undefined, { as: unlimited });
    expect(none).toEqual({ status: 404, code: "NOT_FOUND" });
  });

  test("a User-Agent of any length is stored up to 200 characters", async () => {
    const { name } = await makeUser();
    const browser = await signIn(name, { headers: { "user-agent": "x".repeat(10_000) } });
    const [session] = (await listed(browser)).items;
    expect(session?.agent).toHaveLength(200);
  });
});

describe("what sessions cost", () => {
  test("a request by a session is one query, and no write for five minutes", async () => {
    const { name } = await makeUser();
    const { headers } = await signIn(name);
    const counter = new Counter();
    const ask = () =>
      counter.duringAll(() =>
        api("GET", "/me", undefined, { as: null, headers, send: counter.send }),
      );
    expect(await ask()).toEqual({ ...NOTHING, d1Queries: 1 });
    wait(4 * MINUTE);
    expect(await ask()).toEqual({ ...NOTHING, d1Queries: 1 });
    wait(2 * MINUTE);
    // The second query records the use.
    expect(await ask()).toEqual({ ...NOTHING, d1Queries: 2 });
    expect(await ask()).toEqual({ ...NOTHING, d1Queries: 1 });
  });

  test("many requests at once record the use once", async () => {
    const { name } = await makeUser();
    const seenAt = Date.now() - 10 * MINUTE;
    const browser = await addSession(name, { seenAt });
    await env.DB.exec(`CREATE TABLE uses (n INTEGER)`);
    await env.DB.exec(
      `CREATE TRIGGER use_is_counted AFTER UPDATE ON sessions BEGIN INSERT INTO uses VALUES (1); END`,
    );
    const counter = new Counter();
    const options = { as: null, headers: browser.headers, send: counter.send };
    await Promise.all(Array.from({ length: 8 }, () => api("GET", "/me", undefined, options)));
    await counter.settled();
    const row = await env.DB.prepare(`SELECT count(*) AS n FROM uses`).first();
    await env.DB.exec(`DROP TRIGGER use_is_counted`);
    await env.DB.exec(`DROP TABLE uses`);
    expect(row).toEqual({ n: 1 });
  });

  test("a sign-in is a query and a batch", async () => {
    const { name } = await makeUser();
    const counter = new Counter();
    await trySignIn(name, { send: counter.send });
    await counter.settled();
    const calls = await counter.during(() => trySignIn(name, { send: counter.send }));
    expect(calls).toEqual({ ...NOTHING, d1Queries: 1, d1Batches: 1 });
  });

  test("a user has twenty at most: the one that was used longest ago goes", async () => {
    const { name } = await makeUser();
    const hour = 60 * MINUTE;
    const first = await addSession(name, { seenAt: Date.now() - hour });
    const oldest = await addSession(name, { seenAt: Date.now() - 2 * hour });
    for (let i = 2; i < MAX_SESSIONS; i++) await addSession(name);
    const newest = await signIn(name);
    expect([await me(oldest), await me(first), await me(newest)]).toEqual([ENDED, name, name]);
    const row = await env.DB.prepare(`SELECT count(*) AS n FROM sessions WHERE user = ?1`)
      .bind(name)
      .first();
    expect(row).toEqual({ n: MAX_SESSIONS });
  });
});
