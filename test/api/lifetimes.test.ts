/** The lifetimes of tokens and robots' secrets: limited by the settings, and changed afterwards. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { type Send, withSettings } from "../support/client.ts";
import { api, done, makeNamespace, makeUser, pushes, refused } from "../support/management.ts";

const DAY = 86_400_000;
const INVALID = { status: 400, code: "FIELD_INVALID" };
const limited: Send = withSettings({ MAX_TOKEN_DAYS: "30", MAX_ROBOT_TOKEN_DAYS: "10" });

interface Issued {
  readonly id: string;
  readonly secret: string;
  readonly expiresAt: string | null;
}

/** A kind of secret: where it is made, its longest lifetime, and where it is shown and changed. */
interface Kind {
  readonly days: number;
  readonly as: string;
  readonly make: (expiresInDays?: number | null, send?: Send) => Promise<Response>;
  readonly path: (id: string) => string;
  readonly shown: (id: string) => Promise<string | null | undefined>;
}

function expiring(days: number | null | undefined) {
  return days === undefined ? {} : { expiresInDays: days };
}

async function makeKind(kind: "token" | "robot's secret"): Promise<Kind> {
  const { namespace, owner } = await makeNamespace();
  const as = owner.authorization;
  if (kind === "token") {
    return {
      days: 30,
      as,
      make: (days, send = limited) =>
        api("POST", "/tokens", { description: "test", ...expiring(days) }, { as, send }),
      path: (id) => `/tokens/${id}`,
      shown: async (id) => {
        const { items } = await done<{ items: Issued[] }>("GET", "/tokens", undefined, {
          as,
          send: limited,
        });
        return items.find((token) => token.id === id)?.expiresAt;
      },
    };
  }
  const scopes = [{ repositories: `${namespace}/*`, actions: ["push"] }];
  const path = `/namespaces/${namespace}/robots`;
  await done("POST", path, { name: "ci", scopes });
  return {
    days: 10,
    as,
    make: (days, send = limited) => api("POST", `${path}/ci/tokens`, expiring(days), { as, send }),
    path: (id) => `${path}/ci/tokens/${id}`,
    shown: async (id) => {
      const options = { as, send: limited };
      const { tokens } = await done<{ tokens: Issued[] }>("GET", `${path}/ci`, undefined, options);
      return tokens.find((token) => token.id === id)?.expiresAt;
    },
  };
}

async function issued(response: Response): Promise<Issued> {
  expect(response.status, await response.clone().text()).toBe(201);
  return response.json<Issued>();
}

function daysUntil(time: string | null | undefined): number {
  return Math.round((Date.parse(time ?? "") - Date.now()) / DAY);
}

const KINDS = ["token", "robot's secret"] as const;

test.each(KINDS)(
  "a limit on how long a %s holds: never and more are refused, and less is made",
  async (name) => {
    const { days, make } = await makeKind(name);
    for (const asked of [null, days + 1, 3650]) {
      expect((await make(asked)).status).toBe(400);
    }
    expect(daysUntil((await issued(await make(days))).expiresAt)).toBe(days);
    expect(daysUntil((await issued(await make(1))).expiresAt)).toBe(1);
    expect(daysUntil((await issued(await make())).expiresAt)).toBe(days);
  },
);

test.each(KINDS)("a %s from before the limit ends by it, from when it was made", async (name) => {
  const { days, as, make, path, shown } = await makeKind(name);
  const { id, secret } = await issued(await make(null, withSettings({})));
  const me = () => api("GET", "/me", undefined, { as: `Bearer ${secret}`, send: limited });
  expect(await (await me()).json()).toMatchObject({ expires: expect.any(String) as string });
  expect(daysUntil(await shown(id))).toBe(days);
  const age = (by: number) =>
    env.DB.prepare("UPDATE tokens SET created_at = ?1 WHERE id = ?2")
      .bind(Date.now() - by, id)
      .run();
  await age(days * DAY - 60_000);
  expect((await me()).status).toBe(200);
  await age(days * DAY + 1);
  const ended = await me();
  expect(ended.status).toBe(401);
  expect(await ended.text()).toContain("expired");
  // An expired secret stays expired.
  const late = { expiresInDays: 1 };
  expect((await refused("PATCH", path(id), late, { as, send: limited })).status).toBe(409);
  // Without the limit it holds as it was made to.
  await done("GET", "/me", undefined, { as: `Bearer ${secret}`, send: withSettings({}) });
});

test.each(KINDS)("another end of a %s: sooner, later, never; and the log has it", async (name) => {
  const { as, make, path } = await makeKind(name);
  const { id, secret } = await issued(await make(9, withSettings({})));
  for (const expiresInDays of [3, 400, null]) {
    const token = await done<Issued>("PATCH", path(id), { expiresInDays }, { as });
    expect(token).not.toHaveProperty("secret");
    if (expiresInDays === null) expect(token.expiresAt).toBeNull();
    else expect(daysUntil(token.expiresAt)).toBe(expiresInDays);
    await done("GET", "/me", undefined, { as: `Bearer ${secret}` });
  }
  const { results } = await env.DB.prepare(
    `SELECT action, detail FROM audit WHERE action LIKE '%token.update' AND ?1 IN (reference, substr(detail, 1, 16)) ORDER BY id`,
  )
    .bind(id)
    .all<{ detail: string }>();
  expect(results).toHaveLength(3);
  expect(results.at(-1)?.detail).toMatch(/expires=never$/);
});

test.each(KINDS)(
  "another end of a %s: within the limit, which counts from when it was made",
  async (name) => {
    const { days, as, make, path } = await makeKind(name);
    const { id } = await issued(await make(1));
    const options = { as, send: limited };
    for (const expiresInDays of [null, days + 1]) {
      expect(await refused("PATCH", path(id), { expiresInDays }, options)).toEqual(INVALID);
    }
    await done("PATCH", path(id), { expiresInDays: days - 1 }, options);
    await env.DB.prepare("UPDATE tokens SET created_at = ?1 WHERE id = ?2")
      .bind(Date.now() - 5 * DAY, id)
      .run();
    const late = { expiresInDays: days - 4 };
    expect(await refused("PATCH", path(id), late, options)).toEqual(INVALID);
    await done("PATCH", path(id), { expiresInDays: days - 6 }, options);
  },
);

test.each(KINDS)(
  "another end of a %s that has ended is refused: a new one is made instead",
  async (name) => {
    const { as, make, path } = await makeKind(name);
    const { id } = await issued(await make(9));
    await env.DB.prepare("UPDATE tokens SET expires_at = ?1 WHERE id = ?2")
      .bind(Date.now() - 1, id)
      .run();
    const answer = await refused("PATCH", path(id), { expiresInDays: 9 }, { as });
    expect(answer).toEqual({ status: 409, code: "CONFLICT" });
  },
);

test("another end: only of one's own tokens, and of this very robot's", async () => {
  const [mine, robots] = [await makeKind("token"), await makeKind("robot's secret")];
  const token = await issued(await mine.make(9));
  const secret = await issued(await robots.make(9));
  const stranger = await makeUser();
  const sooner = { expiresInDays: 1 };
  const gone = { status: 404, code: "NOT_FOUND" };
  const as = stranger.authorization;
  expect(await refused("PATCH", mine.path(token.id), sooner, { as })).toEqual(gone);
  expect(await refused("PATCH", mine.path(secret.id), sooner, { as: mine.as })).toEqual(gone);
  expect(await refused("PATCH", robots.path(token.id), sooner, { as: robots.as })).toEqual(gone);
  expect((await refused("PATCH", robots.path(secret.id), sooner, { as })).status).toBe(403);
  for (const body of [{}, { expiresInDays: 0 }, { expiresInDays: 1.5 }, { description: "x" }]) {
    expect(await refused("PATCH", mine.path(token.id), body, { as: mine.as })).toEqual(INVALID);
  }
});

test("an ending token lets a secret end sooner, and not later than it ends itself", async () => {
  const { as, make, path } = await makeKind("token");
  const day = await issued(await make(2, withSettings({})));
  const forever = await issued(await make(null, withSettings({})));
  const by = { as: `Bearer ${day.secret}` };
  await done("PATCH", path(forever.id), change(300), by);
  await done("PATCH", path(forever.id), change(5), by);
  expect((await refused("PATCH", path(forever.id), change(6), by)).status).toBe(403);
  expect((await refused("PATCH", path(forever.id), change(null), by)).status).toBe(403);
  expect((await refused("PATCH", path(day.id), change(3), by)).status).toBe(403);
  await done("PATCH", path(day.id), change(1), by);
  await done("PATCH", path(forever.id), change(6), { as });
});

function change(expiresInDays: number | null) {
  return { expiresInDays };
}

test("two changes of one end at once: both are made, one after the other", async () => {
  const { as, make, path } = await makeKind("token");
  const { id } = await issued(await make(9, withSettings({})));
  const answers = await Promise.all(
    [3, 5].map((expiresInDays) => api("PATCH", path(id), { expiresInDays }, { as })),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
});

test("robots push with a secret that a limit lets hold", async () => {
  const { namespace } = await makeNamespace();
  const scopes = [{ repositories: `${namespace}/*`, actions: ["push"] }];
  const path = `/namespaces/${namespace}/robots`;
  const robot = { name: "ci", scopes };
  const made = await done<Issued>("POST", path, robot, { send: limited });
  expect(await pushes(`Basic ${btoa(`${namespace}+ci:${made.secret}`)}`, `${namespace}/app`)).toBe(
    202,
  );
});
