/** A revoked right to pull ends a minute later at most, and at once in the isolate that revoked it. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { handle } from "../../production/request.ts";
import { repositorySubject, revokedAt, revokedAmong } from "../../../src/auth/login/revocation.ts";
import { MAX_LISTED } from "../../../src/db/revocations.ts";
import { IdentityStore } from "../../../src/db/identities.ts";
import { makePublic, signAsRegistry, takeBack } from "../../support/accounts.ts";
import {
  ADMIN,
  ignore,
  RegistryClient,
  refusal,
  type Send,
  withSettings,
} from "../../support/client.ts";
import { Counter, NOTHING } from "../../support/counting.ts";
import { blob, imageManifest } from "../../support/images.ts";
import { plansOf, tableScans } from "../../support/plans.ts";
import { newNamespace, newUser } from "../../support/principals.ts";
import { turns } from "../../support/waits.ts";

let namespace: string;
let repository: string;

beforeAll(async () => {
  namespace = await newNamespace();
  repository = `${namespace}/app`;
  await pushTo(repository);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function pushTo(name: string): Promise<void> {
  const admin = new RegistryClient({ repository: name });
  const config = await admin.pushBlob(blob());
  await admin.pushManifest(imageManifest({ config }), "latest");
}

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

function as(authorization: string | null, send: Send = withSettings({})): RegistryClient {
  return new RegistryClient({ repository, authorization, send });
}

async function expectRevoked(response: Response): Promise<void> {
  expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
}

/**
 * The answer is that for a token without the right: the client asks for another token, and learns there what it may do.
 */
async function expectLacking(response: Response): Promise<void> {
  expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
}

async function statusOf(response: Promise<Response>): Promise<number> {
  return (await response).status;
}

/** An isolate that counts its reads of the revocations. */
class Isolate {
  looks = 0;
  /** Runs before the answer arrives. */
  delay: () => Promise<void> = () => Promise.resolve();
  readonly #looking: Promise<unknown>[] = [];
  readonly #env: never;

  constructor(settings: Record<string, string> = {}) {
    const DB = new Proxy(env.DB, {
      get: (target, name) => {
        if (name === "batch") return (batch: D1PreparedStatement[]) => target.batch(batch);
        if (name === "withSession") return () => target.withSession();
        return (sql: string) => {
          const statement = target.prepare(sql);
          return sql.includes("revocations_by_kind") ? this.#look(statement) : statement;
        };
      },
    });
    this.#env = { ...env, ...settings, DB } as never;
  }

  readonly send: Send = (request) => handle(request, this.#env, ignore);

  async settle(): Promise<void> {
    await Promise.allSettled(this.#looking.splice(0));
    await turns(1);
  }

  #look(statement: D1PreparedStatement): unknown {
    const look = async (values: unknown[]) => {
      this.looks++;
      await this.delay();
      return statement.bind(...values).all();
    };
    const all = (values: unknown[]) => {
      const looking = look(values);
      this.#looking.push(looking);
      return looking;
    };
    return { bind: (...values: unknown[]) => ({ all: () => all(values) }) };
  }
}

describe("an isolate that has just looked", () => {
  let name: string;
  let isolate: Isolate;
  let puller: RegistryClient;
  const pull = () => puller.get("manifests/latest");

  async function begin(): Promise<void> {
    name = `u${crypto.randomUUID().slice(0, 8)}`;
    isolate = new Isolate();
    puller = as(await signAsRegistry({ repository, name, actions: ["pull"] }), isolate.send);
    expect((await pull()).status).toBe(200);
    expect(isolate.looks).toBe(1);
    await takeBack(`user:${name}`);
  }

  test("looks again in the background after 30 seconds, and knows it then", async () => {
    await begin();
    wait(29_500);
    expect((await pull()).status).toBe(200);
    expect(isolate.looks).toBe(1);
    wait(1_000);
    expect((await pull()).status).toBe(200);
    expect(isolate.looks).toBe(2);
    await isolate.settle();
    await expectRevoked(await pull());
  });

  test("looks for itself after a minute", async () => {
    await begin();
    wait(60_500);
    await expectRevoked(await pull());
    expect(isolate.looks).toBe(2);
  });

  test("begins one refresh at a time, and another when one was cut off", async () => {
    await begin();
    let end = ignored;
    isolate.delay = () => new Promise((resolve) => (end = resolve));
    wait(31_000);
    for (let i = 0; i < 5; i++) expect((await pull()).status).toBe(200);
    expect(isolate.looks).toBe(2);
    wait(9_000);
    expect((await pull()).status).toBe(200);
    expect(isolate.looks).toBe(2);
    wait(2_000);
    expect((await pull()).status).toBe(200);
    expect(isolate.looks).toBe(3);
    end();
  });

  test("a refresh that fails harms nobody, but after a minute nothing is pulled unseen", async () => {
    await begin();
    isolate.delay = () => Promise.reject(new Error("D1_ERROR: the database is away"));
    wait(31_000);
    expect((await pull()).status).toBe(200);
    await isolate.settle();
    wait(28_500);
    expect((await pull()).status).toBe(200);
    await isolate.settle();
    wait(1_000);
    expect((await pull()).status).toBeGreaterThanOrEqual(500);
    isolate.delay = () => Promise.resolve();
    await expectRevoked(await pull());
  });

  test("GET /v2/ takes the token's word, as ever", async () => {
    await begin();
    wait(61_000);
    expect((await puller.get("/v2/")).status).toBe(200);
    expect(isolate.looks).toBe(1);
  });
});

test("a warm pull asks nothing for its token, nor checks its signature again", async () => {
  const counter = new Counter();
  const puller = as(
    await as(ADMIN, counter.send).token(`repository:${repository}:pull`),
    counter.send,
  );
  const cold = await counter.during(() => puller.listTags());
  expect(cold).toMatchObject({ d1Queries: 1, d1Batches: 0 });
  const verify = vi.spyOn(crypto.subtle, "verify");
  const digest = vi.spyOn(crypto.subtle, "digest");
  const warm = await counter.during(() => puller.listTags());
  expect(warm).toEqual({ ...NOTHING, d1Queries: 1 });
  expect(verify).not.toHaveBeenCalled();
  expect(digest).not.toHaveBeenCalled();
  // The cost without the cache:
  const other = await signAsRegistry({ repository });
  expect((await as(other, counter.send).get("tags/list")).status).toBe(200);
  expect(verify).toHaveBeenCalledTimes(1);
});

test("a token that was verified before ends as it would have", async () => {
  const bearer = await signAsRegistry({ repository, ends: 60_000 });
  const puller = as(bearer);
  const status = () => statusOf(puller.get("tags/list"));
  expect(await status()).toBe(200);
  const location = await puller.startUpload();
  const elsewhere = new Request(`https://other.test/v2/${repository}/tags/list`, {
    headers: { authorization: bearer },
  });
  expect((await withSettings({})(elsewhere)).status).toBe(401);
  const next = { TOKEN_KEY: "the key that came after it, of more than thirty-two bytes" };
  await expectRevoked(await as(bearer, withSettings(next)).get("tags/list"));
  const both = { TOKEN_KEY: next.TOKEN_KEY, TOKEN_KEY_NEXT: env.TOKEN_KEY };
  expect(await statusOf(as(bearer, withSettings(both)).get("tags/list"))).toBe(200);
  wait(59_000);
  expect(await status()).toBe(200);
  wait(2_000);
  await expectRevoked(await puller.get("tags/list"));
  expect(await statusOf(puller.get(location))).toBe(204);
  wait(24 * 3_600_000);
  await expectRevoked(await puller.get(location));
});

describe("a repository that is public no more", () => {
  const TAGS = "tags/list";
  let base: string;

  /** Makes the clients' tokens: the repository `base` is public, and a user has a role. */
  async function tokens() {
    base = `${await newNamespace()}/base`;
    await pushTo(base);
    await makePublic(base);
    const reader = await newUser({ [base.replace("/base", "/*")]: "reader" });
    const stranger = await newUser({ [`${namespace}/*`]: "writer" });
    const scopes = [`repository:${base}:pull`];
    return {
      anonymous: await as(null).token(...scopes),
      stranger: await as(stranger.authorization).token(
        ...scopes,
        `repository:${repository}:pull,push`,
      ),
      reader: await as(reader.authorization).token(...scopes),
    };
  }

  function change(visibility: string): Promise<unknown> {
    return env.DB.prepare(`UPDATE repositories SET visibility = ?2 WHERE name = ?1`)
      .bind(base, visibility)
      .run();
  }

  test("ends what tokens could pull by it within a minute; a role goes on", async () => {
    const { anonymous, stranger, reader } = await tokens();
    const isolate = new Isolate();
    const all = [anonymous, stranger, reader].map((bearer) => as(bearer, isolate.send).in(base));
    const [first, second, third] = all as [RegistryClient, RegistryClient, RegistryClient];
    for (const one of all) expect(await statusOf(one.get(TAGS))).toBe(200);
    await change("private");
    wait(60_500);
    await expectLacking(await first.get(TAGS));
    await expectLacking(await second.get(TAGS));
    await expectLacking(await second.get("manifests/latest"));
    expect(await statusOf(third.get(TAGS))).toBe(200);
    // The token's rights on other repositories stay.
    expect(await statusOf(second.in(repository).request("POST", "blobs/uploads/"))).toBe(202);
    await expectLacking(await second.request("HEAD", `manifests/latest`));
  });

  test("is no source of a mount any more", async () => {
    const { stranger } = await tokens();
    const [{ digest } = { digest: "" }] = await layersOf(base);
    const path = `blobs/uploads/?mount=${digest}&from=${base}`;
    await change("private");
    const refused = await as(stranger).request("POST", path);
    expect(refused.status).toBe(202);
    await change("public");
    expect(await statusOf(as(stranger).request("POST", path))).toBe(201);
  });

  test("is pulled with the old tokens when it is public again", async () => {
    const { anonymous, stranger } = await tokens();
    await change("private");
    for (const one of [anonymous, stranger]) await expectLacking(await as(one).in(base).get(TAGS));
    await change("public");
    for (const one of [anonymous, stranger]) {
      expect(await statusOf(as(one).in(base).get(TAGS))).toBe(200);
    }
  });

  test("by the API: at once where it was made so", async () => {
    const { anonymous, stranger, reader } = await tokens();
    const send = withSettings({});
    const pull = (bearer: string) => as(bearer, send).in(base).get(TAGS);
    for (const one of [anonymous, stranger, reader]) expect(await statusOf(pull(one))).toBe(200);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ visibility: "private" });
    const admin = as(ADMIN, send);
    const path = `/api/v1/repositories/${base}`;
    expect(await statusOf(admin.request("PATCH", path, { headers, body }))).toBe(200);
    await expectLacking(await pull(anonymous));
    await expectLacking(await pull(stranger));
    expect(await statusOf(pull(reader))).toBe(200);
  });

  test("because another has its name by now: its tokens do not pull that", async () => {
    const { anonymous, stranger } = await tokens();
    const send = withSettings({});
    const admin = as(ADMIN, send);
    expect(await statusOf(admin.request("DELETE", `/api/v1/repositories/${base}`))).toBe(204);
    await pushTo(base);
    for (const one of [anonymous, stranger]) {
      await expectLacking(await as(one, send).in(base).get(TAGS));
    }
  });

  test("because another has its name by now, which is public too: they go on", async () => {
    const { anonymous } = await tokens();
    const send = withSettings({});
    const admin = as(ADMIN, send);
    expect(await statusOf(admin.request("DELETE", `/api/v1/repositories/${base}`))).toBe(204);
    await expectLacking(await as(anonymous, send).in(base).get(TAGS));
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ name: base, visibility: "public" });
    const made = await admin.request("POST", "/api/v1/repositories", { headers, body });
    expect(made.status).toBe(201);
    expect(await statusOf(as(anonymous, send).in(base).get(TAGS))).toBe(200);
  });
});

async function layersOf(name: string): Promise<{ digest: string }[]> {
  const response = await new RegistryClient({ repository: name }).get("manifests/latest");
  const { config } = await response.json<{ config: { digest: string } }>();
  return [config];
}

test("with PUBLIC_PULL everyone's tokens hold while it is on", async () => {
  const on = withSettings({ PUBLIC_PULL: "true" });
  const bearer = await as(null, on).token(`repository:${repository}:pull`);
  expect(await statusOf(as(bearer, on).get("tags/list"))).toBe(200);
  await expectRevoked(await as(bearer).get("tags/list"));
  const member = await as(ADMIN, on).token(`repository:${repository}:pull`);
  expect(await statusOf(as(member).get("tags/list"))).toBe(200);
  expect(await statusOf(as(null, on).get("tags/list"))).toBe(200);
  expect(await statusOf(as(null).get("tags/list"))).toBe(401);
});

test("with PUBLIC_PULL who pulls without a token sees to it that revocations are known, and waits for nothing", async () => {
  const isolate = new Isolate({ PUBLIC_PULL: "true" });
  isolate.delay = () => new Promise(ignored);
  const stranger = as(null, isolate.send);
  for (let i = 0; i < 3; i++) expect(await statusOf(stranger.get("tags/list"))).toBe(200);
  expect(isolate.looks).toBe(1);
  const off = new Isolate();
  expect(await statusOf(as(null, off.send).get("tags/list"))).toBe(401);
  expect(off.looks).toBe(0);
});

/** When it was, by the database; 0 for never. */
async function revocationOf(subject: string): Promise<number> {
  const found = await env.DB.prepare(`SELECT revoked_at AS at FROM revocations WHERE subject = ?1`)
    .bind(subject)
    .first<{ at: number }>();
  return found?.at ?? 0;
}

describe("the name of a repository", () => {
  let name: string;
  const path = () => `/api/v1/repositories/${name}`;
  const headers = { "content-type": "application/json" };

  async function made(): Promise<void> {
    name = `${await newNamespace()}/x`;
    await pushTo(name);
    expect(await revocationOf(repositorySubject(name))).toBe(0);
  }

  test.each([
    ["deleted", "DELETE", ""],
    ["purged", "POST", "/-/purge"],
  ])("is revoked when it is %s", async (_, method, suffix) => {
    await made();
    const before = Date.now();
    const response = await as(ADMIN).request(
      method,
      path() + suffix,
      suffix === "" ? {} : { headers, body: JSON.stringify({ repository: "live" }) },
    );
    expect(response.status, await response.text()).toBeLessThan(300);
    expect(await revocationOf(repositorySubject(name))).toBeGreaterThanOrEqual(before);
    // The repository was not public.
    expect(await revocationOf(`public:${name}`)).toBe(0);
  });

  test("is revoked when one is restored to it", async () => {
    await made();
    await as(ADMIN).request("DELETE", path());
    const at = await revocationOf(repositorySubject(name));
    await scheduler.wait(5);
    const response = await as(ADMIN).request("POST", `${path()}/-/restore`, {
      headers,
      body: JSON.stringify({ repository: "newest" }),
    });
    expect(response.status, await response.text()).toBeLessThan(300);
    expect(await revocationOf(repositorySubject(name))).toBeGreaterThan(at);
  });

  test("is not revoked by a change that leaves it, nor by one that is refused", async () => {
    await made();
    const changed = await as(ADMIN).request("PATCH", path(), {
      headers,
      body: JSON.stringify({ description: "as it was" }),
    });
    expect(changed.status).toBe(200);
    const stale = await as(ADMIN).request("DELETE", path(), { headers: { "if-match": '"1"' } });
    expect(stale.status).toBe(412);
    expect(await revocationOf(repositorySubject(name))).toBe(0);
  });

  test("no row is kept for the name that a deleted one has", async () => {
    await made();
    await as(ADMIN).request("DELETE", path());
    await as(ADMIN).request("POST", `${path()}/-/restore`, {
      headers,
      body: JSON.stringify({ repository: "newest" }),
    });
    const { results } = await env.DB.prepare(
      `SELECT subject FROM revocations WHERE subject GLOB '*:~*'`,
    ).all();
    expect(results).toEqual([]);
  });
});

/**
 * Adds that many revocations of the kind, each a millisecond older than the one before. @returns when the newest one
 * was
 */
async function addMany(kind: string, number: number, age: number): Promise<number> {
  const now = Date.now() - age;
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
     INSERT INTO revocations SELECT ?1 || i, ?3 - i FROM n`,
  )
    .bind(kind, number, now)
    .run();
  return now;
}

function authOf(identities: IdentityStore) {
  return { identities, defer: ignored } as never;
}

describe("what an isolate knows of revocations", () => {
  beforeEach(() => env.DB.prepare(`DELETE FROM revocations`).run());

  test("is bounded: of more than it lists it takes all for revoked as late as the last that it does not", async () => {
    const newest = await addMany("repository:many/r", MAX_LISTED + 500, 1_000);
    await takeBack("user:ada");
    const identities = new IdentityStore(env.DB);
    expect((await identities.revoked()).times.size).toBeLessThanOrEqual(MAX_LISTED + 2);
    const known = (subject: string) => revokedAt(identities, subject);
    expect(known("repository:many/r0")).toBe(Number.POSITIVE_INFINITY);
    await revokedAmong([], 0, authOf(identities), "recent");
    expect(known("repository:many/r0")).toBe(newest);
    expect(known(`repository:many/r${MAX_LISTED - 1}`)).toBe(newest - MAX_LISTED + 1);
    for (const other of [`repository:many/r${MAX_LISTED + 400}`, "repository:of/another"]) {
      expect(known(other)).toBe(newest - MAX_LISTED);
    }
    // Of other kinds all revocations are listed.
    expect(known("user:bob")).toBe(0);
    expect(known("public:many/r0")).toBe(0);
    expect(known("user:ada")).toBeGreaterThan(0);
  });

  test("who takes back thousands of tokens of their own ends nobody else's: one that is not listed is looked up", async () => {
    await takeBack("token:gone");
    const newest = await addMany("token:many", MAX_LISTED + 500, -60_000);
    const auth = authOf(new IdentityStore(env.DB));
    const among = (...subjects: string[]) => revokedAmong(subjects, 1, auth, "fresh");
    expect(await among("token:mine", "user:ada")).toEqual([]);
    expect(await among("token:mine", "token:gone", "token:many0")).toEqual([
      "token:gone",
      "token:many0",
    ]);
    expect(await revokedAmong(["token:many0"], newest, auth, "fresh")).toEqual(["token:many0"]);
  });

  test("leaves out what nothing rests on any more", async () => {
    await addMany("repository:old/r", 1, 6 * 60_000);
    await addMany("public:old/r", 1, 62 * 60_000);
    await addMany("repository:young/r", 1, 4.5 * 60_000);
    await addMany("public:young/r", 1, 60 * 60_000);
    await addMany("rule:old/r", 1, 24 * 3_600_000);
    const { times } = await new IdentityStore(env.DB).revoked();
    expect([...times.keys()].toSorted()).toEqual([
      "public:young/r0",
      "repository:young/r0",
      "rule:old/r0",
    ]);
  });

  test("is looked up by an index, whatever else is in the table", async () => {
    const found = await plansOf((db) => new IdentityStore(db).revoked());
    expect(found).toHaveLength(1);
    for (const { sql, plan } of found) {
      expect(tableScans(plan), sql).toEqual([]);
      expect(plan).toContainEqual(
        expect.stringMatching(/revocations_by_kind \(<expr>=\? AND revoked_at>\?\)/),
      );
    }
  });

  test("is as old as the moment it was asked for, and holds for a minute", async () => {
    const identities = new IdentityStore(env.DB);
    await revokedAmong([], 0, authOf(identities), "recent");
    expect(revokedAt(identities, "user:ada")).toBe(0);
    wait(59_500);
    expect(revokedAt(identities, "user:ada")).toBe(0);
    wait(1_000);
    expect(revokedAt(identities, "user:ada")).toBe(Number.POSITIVE_INFINITY);
  });
});

function ignored(): void {
  // Deferred work is not awaited.
}
