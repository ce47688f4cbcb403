/** The search for repositories, as the management API has it and as docker asks for it. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Meter } from "../../scripts/scale/worker/meter.ts";
import type { FoundRepository } from "../../src/api/schema/repositories.ts";
import type { Env } from "../../src/settings.ts";
import { handle } from "../production/request.ts";
import { basic, ignore, RegistryClient } from "../support/client.ts";
import { blob, imageManifest } from "../support/images.ts";
import { all } from "../support/lists.ts";
import { api, type CallOptions, done, problem, unused } from "../support/management.ts";
import { newNamespace, newToken, newUser } from "../support/principals.ts";

interface Found {
  items: FoundRepository[];
  next: string | null;
  matches: number;
  complete: boolean;
}

/** A word that no other test has. */
function newWord(): string {
  return `w${crypto.randomUUID().replaceAll("-", "").slice(0, 10)}`;
}

async function make(name: string, fields: object = {}): Promise<void> {
  await done("POST", "/repositories", { name, ...fields });
}

function search(q: string, more = "", options: CallOptions = {}): Promise<Found> {
  return done<Found>("GET", `/search?q=${encodeURIComponent(q)}${more}`, undefined, options);
}

async function names(q: string, more = "", options: CallOptions = {}): Promise<string[]> {
  return (await search(q, more, options)).items.map(({ name }) => name);
}

test("names come before descriptions, and these before labels; the very word comes first", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  await make(`${namespace}/a`, { labels: { team: word } });
  await make(`${namespace}/b`, { description: `Serves ${word}.` });
  await make(`${namespace}/c-${word}`);
  await make(`${namespace}/${word}-d`);
  await make(`${namespace}/${word}`);
  await make(`${namespace}/other`, { readme: word });
  const expected = [word, `${word}-d`, `c-${word}`, "b", "a"].map((name) => `${namespace}/${name}`);
  expect(await names(word)).toEqual(expected);
  expect(await names(word.toUpperCase())).toEqual(expected);
  expect(
    (await all<{ name: string }>(`/search?q=${word}&limit=2`)).map(({ name }) => name),
  ).toEqual(expected);
  expect(await search(word, "&limit=1")).toMatchObject({ matches: 5, complete: true });
});

test("a search finds as one types: each word by its beginning, all of them, in any order", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  await make(`${namespace}/${word}-gateway`, { description: "Routes payments, café." });
  for (const q of [
    word.slice(0, -1),
    `${word} gat`,
    `gat ${word}`,
    `${namespace}/${word}-gateway`,
    `${word} cafe`,
    `${word} pay`,
  ]) {
    expect([q, await names(q)]).toEqual([q, [`${namespace}/${word}-gateway`]]);
  }
  for (const q of [word.slice(1), `${word} missing`, `${word}x`]) {
    expect([q, await names(q)]).toEqual([q, []]);
  }
});

test("whatever is typed is text", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  await make(`${namespace}/${word}`, { description: "AND OR NOT NEAR" });
  for (const q of [
    `"${word}"`,
    `${word}*`,
    `(${word}`,
    `${word} OR`,
    `^${word}`,
    `-${word}`,
    `${word};--`,
    `${word} NEAR`,
  ]) {
    expect([q, await names(q)]).toEqual([q, [`${namespace}/${word}`]]);
  }
  for (const q of ["'", '"', "*", "()", "name:", "\u0000", "💥", "%"]) {
    expect((await api("GET", `/search?q=${encodeURIComponent(q)}`)).status).toBe(200);
  }
  expect(await names("💥")).toEqual([]);
  expect(await problem(await api("GET", `/search?q=${"x".repeat(257)}`))).toMatchObject({
    code: "FIELD_INVALID",
  });
});

test("a search finds what was changed, and not what was deleted until it is restored", async () => {
  const namespace = await newNamespace();
  const [before, after] = [newWord(), newWord()];
  const name = `${namespace}/app`;
  await make(name, { description: before });
  await done("PATCH", `/repositories/${name}`, { description: after, labels: { [before]: "x" } });
  expect(await names(after)).toEqual([name]);
  expect(await names(before)).toEqual([name]);
  await done("PATCH", `/repositories/${name}`, { labels: {} });
  expect(await names(before)).toEqual([]);
  await done("DELETE", `/repositories/${name}`);
  expect(await names(after)).toEqual([]);
  await done("POST", `/repositories/${name}/-/restore`, { repository: "newest" });
  expect(await names(after)).toEqual([name]);
});

test("a push describes a repository, and a search finds it by that", async () => {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const word = newWord();
  const annotations = { "org.opencontainers.image.description": `About ${word}` };
  const config = await client.pushBlob(blob());
  await client.pushManifest(imageManifest({ config, fields: { annotations } }), "v1");
  const { items } = await search(word);
  expect(items).toEqual([
    {
      name: client.repository,
      visibility: "private",
      description: `About ${word}`,
      labels: {},
      createdAt: expect.any(String),
      version: expect.any(Number),
      updatedAt: expect.stringMatching(/Z$/),
      tags: 1,
    },
  ]);
});

test("a search shows what its caller may pull, and what is public", async () => {
  const [mine, other] = [await newNamespace(), await newNamespace()];
  const word = newWord();
  for (const namespace of [mine, other]) {
    await make(`${namespace}/${word}-open`, { visibility: "public" });
    await make(`${namespace}/${word}-closed`, { visibility: "private" });
    await make(`${namespace}/${word}-web`, { visibility: "private" });
  }
  const of = (namespace: string, ...ends: string[]) =>
    ends.map((end) => `${namespace}/${word}-${end}`);
  const open = [...of(mine, "open"), ...of(other, "open")].toSorted();
  const user = await newUser({ [`${mine}/*`]: "reader" });
  const partly = await newUser({ [`${mine}/*-web`]: "reader" });
  const sorted = async (as: string | null, more = "") =>
    (await names(word, more, { as })).toSorted();
  expect(await sorted(null)).toEqual(open);
  expect(await sorted((await newUser()).authorization)).toEqual(open);
  expect(await sorted(user.authorization)).toEqual(
    [...open, ...of(mine, "closed", "web")].toSorted(),
  );
  expect(await sorted(partly.authorization)).toEqual([...open, ...of(mine, "web")].toSorted());
  expect(await sorted(user.authorization, "&visibility=private")).toEqual(
    of(mine, "closed", "web"),
  );
  expect(await sorted(user.authorization, "&visibility=public")).toEqual(open);
  expect(await sorted(null, "&visibility=private")).toEqual([]);
  expect(await search(word, "&limit=1", { as: partly.authorization })).toMatchObject({
    matches: 3,
  });
});

test("a token sees no more than its scopes; a namespace whose name begins like another sees nothing of it", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  await make(`${namespace}/${word}`);
  await done("POST", "/namespaces", { name: `${namespace}-x` });
  const neighbour = await newUser({ [`${namespace}-x/*`]: "owner" });
  expect(await names(word, "", { as: neighbour.authorization })).toEqual([]);
  const user = await newUser({ [`${namespace}/*`]: "reader" });
  const scopes = [{ repositories: `${namespace}/none`, actions: ["pull" as const] }];
  const token = await newToken(user.name, scopes);
  expect(await names(word, "", { as: token })).toEqual([]);
});

test("a search sorts by name, and by the last push; without words it lists what there is", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  const reader = (await newUser({ [`${namespace}/*`]: "reader" })).authorization;
  for (const name of ["b", "c", "a"]) {
    const client = new RegistryClient({ repository: `${namespace}/${word}-${name}` });
    await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }), "v1");
    await scheduler.wait(2);
  }
  await make(`${namespace}/${word}-empty`);
  const of = (...ends: string[]) => ends.map((end) => `${namespace}/${word}-${end}`);
  expect(await names(word, "&sort=name")).toEqual(of("a", "b", "c", "empty"));
  expect(await names(word, "&sort=updated")).toEqual(of("a", "c", "b", "empty"));
  const listed = await all<{ name: string }>("/search?limit=2&visibility=private", { as: reader });
  expect(listed.map(({ name }) => name)).toEqual(of("a", "c", "b", "empty"));
});

const MANY = 10_000;

test("where 10,000 repositories match, a search reads few rows, and says that there are more", async () => {
  const namespace = unused("many");
  await done("POST", "/namespaces", { name: namespace });
  const word = newWord();
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})
     INSERT INTO repositories (name, created_at, description, labels)
     SELECT printf('%s/${word}-%05d', ?1, i), i, '${word}', '{"team":"${word}"}' FROM n`,
  )
    .bind(namespace)
    .run();
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const { authorization } = await newUser({ [`${namespace}/*`]: "reader" });
  const read: Record<string, number> = {};
  for (const [who, as] of Object.entries({ reader: authorization, nobody: null })) {
    for (const q of [word, word.slice(0, 4), "", namespace]) {
      for (const sort of ["relevance", "updated", "name"]) {
        meter.take();
        const found = await search(q, `&sort=${sort}`, { send, as });
        const rows = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
        read[`${who} ${q} ${sort}`] = rows;
        if (who === "reader") expect(found).toMatchObject({ matches: 1_000, complete: false });
        else if (q === word) expect(found).toMatchObject({ matches: 0, complete: true });
      }
    }
  }
  expect(Math.max(...Object.values(read)), JSON.stringify(read)).toBeLessThan(17_000);
  const pages = await all<{ name: string }>(`/search?q=${word}`, { as: authorization });
  expect(new Set(pages.map(({ name }) => name)).size).toBe(1_000);
  await done("DELETE", `/repositories/${namespace}/${word}-00001`);
});

test("who may see few of very many matches is searched 3,000 for, and told that there may be more", async () => {
  const word = newWord();
  const namespaces = [unused("many"), unused("many")];
  for (const namespace of namespaces) {
    await done("POST", "/namespaces", { name: namespace });
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
       INSERT INTO repositories (name, created_at, description)
       SELECT printf('%s/${word}-%05d', ?1, i), i, '${word}' FROM n`,
    )
      .bind(namespace)
      .run();
  }
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const roles = namespaces.map((namespace) => [`${namespace}/*00`, "reader"] as const);
  const { authorization: as } = await newUser(Object.fromEntries(roles));
  const read: Record<string, number> = {};
  for (const [q, matches] of Object.entries({ [word]: 30, [`${word} 00100`]: 2 })) {
    meter.take();
    const found = await search(q, "&sort=name", { send, as });
    read[q] = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    expect([q, found["matches"], found["complete"]]).toEqual([q, matches, matches === 2]);
  }
  meter.take();
  // Without words what is public is found too, which other tests have made.
  expect(await search("", "", { send, as })).toMatchObject({ complete: false });
  read[""] = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  expect(Math.max(...Object.values(read)), JSON.stringify(read)).toBeLessThan(50_000);
  for (const namespace of namespaces) {
    await done("DELETE", `/repositories/${namespace}/${word}-00001`);
  }
});

test("a visibility is looked for in the index of words: newer matches of the other one hide none", async () => {
  const word = newWord();
  const namespace = unused("many");
  await done("POST", "/namespaces", { name: namespace });
  await done("POST", "/repositories", { name: `${namespace}/${word}`, visibility: "public" });
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3100)
     INSERT INTO repositories (name, created_at, description)
     SELECT printf('%s/other-%05d', ?1, i), i, '${word}' FROM n`,
  )
    .bind(namespace)
    .run();
  const found = await search(word, "&visibility=public");
  expect(found).toMatchObject({ matches: 1, complete: true });
  await done("DELETE", `/repositories/${namespace}/${word}`);
});

test("without words the first 1,000 repositories by name are listed, whoever's they are", async () => {
  const namespaces = { private: unused("0-own"), public: unused("0-public") };
  for (const [visibility, name] of Object.entries(namespaces)) {
    await done("POST", "/namespaces", { name });
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
       INSERT INTO repositories (name, created_at, visibility) SELECT printf('%s/%05d', ?1, i), i, ?2 FROM n`,
    )
      .bind(name, visibility)
      .run();
  }
  const { authorization } = await newUser({ [`${namespaces.private}/*`]: "reader" });
  const found = await names("", "&sort=name&limit=100", { as: authorization });
  // Other tests list what is public.
  await env.DB.prepare(`DELETE FROM repositories WHERE namespace = ?1`)
    .bind(namespaces.public)
    .run();
  const expected = Array.from(
    { length: 100 },
    (_, i) => `${namespaces.private}/${String(i + 1).padStart(5, "0")}`,
  );
  expect(found).toEqual(expected);
});

function ask(query: string, authorization: string | null): Promise<Response> {
  return new RegistryClient({ authorization }).request("GET", `/v1/search?${query}`);
}

test("what a caller may not see neither takes the place of what it may, nor shows in the counts", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  await make(`${namespace}/${word}-dev`);
  const insert = env.DB.prepare(
    `WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 1099)
    INSERT INTO repositories (name, created_at) SELECT ?1 || printf('/${word}-%04d', n), 0 FROM n`,
  );
  await insert.bind(namespace).run();
  const { authorization } = await newUser({ [`${namespace}/*-dev`]: "reader" });
  const found = await search(word, "", { as: authorization });
  expect(found).toMatchObject({ matches: 1, complete: true });
  expect(found.items.map(({ name }) => name)).toEqual([`${namespace}/${word}-dev`]);
  const listed = await search("", "", { as: authorization });
  expect(listed.items.map(({ name }) => name)).toContain(`${namespace}/${word}-dev`);
});

test("searches are paced: those of visitors by their network, and nobody else's", async () => {
  // Another limiter of the same kind, which is sooner used up.
  const changed = { ...env, SEARCH_LIMIT: env.TOKEN_LIMIT } as Env;
  const send = (request: Request) => handle(request, changed, ignore);
  const searchFrom = (address: string, path: string) =>
    new RegistryClient({ authorization: null, send }).request("GET", path, {
      headers: { "cf-connecting-ip": address },
    });
  while ((await changed.SEARCH_LIMIT.limit({ key: "192.0.2.77" })).success);
  for (const path of ["/api/v1/search?q=app", "/v1/search?q=app"]) {
    const refused = await searchFrom("192.0.2.77", path);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("60");
    expect((await searchFrom("192.0.2.78", path)).status).toBe(200);
  }
});

test("docker search: what the caller may pull, in docker's form", async () => {
  const namespace = await newNamespace();
  const word = newWord();
  await make(`${namespace}/${word}-open`, { visibility: "public", description: "For all" });
  await make(`${namespace}/${word}-closed`);
  const result = (end: string, description: string) => ({
    name: `${namespace}/${word}-${end}`,
    description,
    star_count: 0,
    is_official: false,
    is_automated: false,
  });
  expect(await (await ask(`q=${word}&n=25`, null)).json()).toEqual({
    query: word,
    num_results: 1,
    results: [result("open", "For all")],
  });
  const { authorization } = await newUser({ [`${namespace}/*`]: "reader" });
  expect(await (await ask(`q=${word}&n=25`, authorization)).json()).toEqual({
    query: word,
    num_results: 2,
    results: [result("closed", ""), result("open", "For all")],
  });
  expect(await (await ask(`q=${word}&n=1`, authorization)).json()).toMatchObject({
    num_results: 1,
  });
  expect((await ask("q=x&n=many", null)).status).toBe(400);
  expect((await ask("q=x", basic("nobody", "wrong password"))).status).toBe(401);
  const ping = await new RegistryClient({ authorization: null }).request("GET", "/v1/_ping");
  expect([ping.status, ping.headers.get("x-docker-registry-standalone")]).toEqual([200, "false"]);
});
