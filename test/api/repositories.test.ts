import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Scope } from "../../src/auth/policy/access.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName, Tag } from "../../src/oci/reference.ts";
import type { Initiator } from "../../src/db/audit.ts";
import { BlobStore } from "../../src/db/blobs.ts";
import { ManifestStore } from "../../src/db/manifests.ts";
import { refusal, RegistryClient, withSettings } from "../support/client.ts";
import { blob, imageManifest, index } from "../support/images.ts";
import { all, changesNothing, entries } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace, newToken, newUser } from "../support/principals.ts";
import { leavesNothing, stored } from "../support/storage.ts";

interface Repository {
  name: string;
  visibility: string;
  description: string;
  labels: object;
  version: number;
}

function make(name: string, fields: object = {}) {
  return done<Repository>("POST", "/repositories", { name, ...fields });
}

async function names(query: string, as: string | null): Promise<string[]> {
  return (await all<Repository>(`/repositories${query}`, { as })).map(({ name }) => name);
}

/** Many rows at once, without the API. */
async function insert(repositories: readonly string[], visibility = "private"): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO repositories (name, visibility, created_at) SELECT value, ?2, 0 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(repositories), visibility)
    .run();
}

test("POST: makes a repository, says where it is, and shows it", async () => {
  const namespace = await newNamespace();
  const { name: actor, authorization } = await newUser({ [`${namespace}/*`]: "maintainer" });
  const name = `${namespace}/team/app`;
  const fields = {
    visibility: "public",
    description: "An app",
    readme: "# App",
    labels: { tier: "1", constructor: "kept" },
  };
  const response = await api("POST", "/repositories", { name, ...fields }, { as: authorization });
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toBe(`/api/v1/repositories/${name}`);
  expect(response.headers.get("etag")).toBe('"1"');
  const made = await response.json<object>();
  const counts = { size: 0, tags: 0, manifests: 0 };
  const rules = { immutableTags: [], inheritedImmutableTags: [] };
  const createdAt = expect.any(String) as string;
  expect(made).toEqual({ name, ...fields, ...rules, ...counts, version: 1, createdAt });
  expect(await done("GET", `/repositories/${name}`)).toEqual(made);
  expect(await entries(name)).toEqual([{ actor, action: "repository.create", detail: "public" }]);
});

test("POST: a repository that nobody has described gets its namespace's visibility", async () => {
  const namespace = await newNamespace("public");
  expect(await make(`${namespace}/app`)).toMatchObject({
    visibility: "public",
    description: "",
    readme: "",
    labels: {},
  });
});

test("POST: an administrator's makes the namespace as well", async () => {
  const namespace = `new${Date.now()}`;
  expect(await make(namespace)).toMatchObject({ name: namespace, visibility: "private" });
  expect(await done("GET", `/namespaces/${namespace}`)).toMatchObject({ visibility: "private" });
});

test("POST: answers 409 when the repository is there, and leaves it alone", async () => {
  const name = `${await newNamespace()}/app`;
  await make(name, { description: "first" });
  const body = { name, description: "second" };
  const response = await changesNothing(() => api("POST", "/repositories", body));
  expect(await problem(response)).toMatchObject({ status: 409, code: "CONFLICT" });
});

test("POST: of two at once, one makes it", async () => {
  const name = `${await newNamespace()}/app`;
  const responses = await Promise.all([1, 2].map(() => api("POST", "/repositories", { name })));
  expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
});

test.each([
  ["nobody", null, {}, 401],
  ["a stranger", "stranger", {}, 403],
  ["a reader", "reader", {}, 403],
  ["a writer", "writer", {}, 201],
  ["a writer who decides who sees it", "writer", { visibility: "public" }, 403],
  ["a maintainer", "maintainer", { visibility: "public" }, 201],
] as const)("POST: by %s", async (_, role, fields, status) => {
  const namespace = await newNamespace();
  const roles = role === null || role === "stranger" ? {} : { [`${namespace}/*`]: role };
  const as = role === null ? null : (await newUser(roles)).authorization;
  const post = () => api("POST", "/repositories", { name: `${namespace}/app`, ...fields }, { as });
  const response = status === 201 ? await post() : await changesNothing(post);
  expect(response.status).toBe(status);
});

test("POST: a writer makes none where a push makes none", async () => {
  const namespace = await newNamespace();
  const { authorization } = await newUser({ [`${namespace}/*`]: "writer" });
  const options = { as: authorization, send: withSettings({ CREATE_ON_PUSH: "false" }) };
  const response = await changesNothing(() =>
    api("POST", "/repositories", { name: `${namespace}/app` }, options),
  );
  expect(await problem(response)).toMatchObject({ status: 403, code: "DENIED" });
});

type Refusal = readonly [string, object, string];

function inReadme(text: string): Refusal {
  return [`${JSON.stringify(text)} in a readme`, { name: "acme/x", readme: text }, "FIELD_INVALID"];
}

test("POST: a readme has lines and tabs, a description the whole of Unicode", async () => {
  const name = `${await newNamespace()}/app`;
  const fields = {
    readme: "# App\n\tcode\r\n\r\nend",
    description: "💡".repeat(256),
    labels: { größe: "ünï 💡" },
  };
  expect(await make(name, fields)).toMatchObject(fields);
});

test.each<Refusal>([
  ["no name", {}, "FIELD_INVALID"],
  ["a name of another type", { name: 1 }, "FIELD_INVALID"],
  ["a malformed name", { name: "Acme//x" }, "NAME_INVALID"],
  ["an unknown field", { name: "acme/x", owner: "me" }, "FIELD_INVALID"],
  ["an unknown visibility", { name: "acme/x", visibility: "secret" }, "FIELD_INVALID"],
  ["a long description", { name: "acme/x", description: "x".repeat(513) }, "FIELD_INVALID"],
  ["a long readme", { name: "acme/x", readme: "€".repeat(22_000) }, "FIELD_INVALID"],
  ["labels in a list", { name: "acme/x", labels: ["a"] }, "FIELD_INVALID"],
  ["a label that is no text", { name: "acme/x", labels: { a: 1 } }, "FIELD_INVALID"],
  ["a label without a name", { name: "acme/x", labels: { "": "a" } }, "FIELD_INVALID"],
  ...["\0", "\n", "\u001b", "\u007f", "\u009b", "\ud800"].flatMap((character): Refusal[] => {
    const [name, code] = ["acme/x", JSON.stringify(character)];
    const refusals = [
      [`${code} in a description`, { name, description: `a${character}` }, "FIELD_INVALID"],
      [`${code} in a label`, { name, labels: { a: character } }, "FIELD_INVALID"],
      [`${code} in a label's name`, { name, labels: { [character]: "a" } }, "FIELD_INVALID"],
    ] as const;
    const isReadme = character === "\n";
    return [...refusals, ...(isReadme ? [] : [inReadme(character)])];
  }),
  inReadme("\ra"),
  inReadme("\ud83d\n\udca9"),
  [
    "too many labels",
    { name: "acme/x", labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, ""])) },
    "FIELD_INVALID",
  ],
  ["labels too long", { name: "acme/x", labels: { a: "x".repeat(4096) } }, "FIELD_INVALID"],
  ["a list", [], "FIELD_INVALID"],
])("POST: refuses %s", async (_, body, code) => {
  const response = await changesNothing(() => api("POST", "/repositories", body));
  expect(await problem(response)).toMatchObject({ status: 400, code });
});

test("POST: refuses a huge body, what is no JSON, and what does not say that it is", async () => {
  const huge = { name: "acme/x", readme: "x".repeat(300_000) };
  expect((await api("POST", "/repositories", huge)).status).toBe(413);
  expect((await api("POST", "/repositories", "{")).status).toBe(400);
  const headers = { "content-type": "text/plain" };
  expect((await api("POST", "/repositories", "{}", { headers })).status).toBe(415);
});

test("GET: shows what is in it: blobs once each, tags and manifests", async () => {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const [config, layer] = [await client.pushBlob(blob(10)), await client.pushBlob(blob(200))];
  await client.pushManifest(imageManifest({ config, layers: [layer] }), "one");
  await client.pushManifest(
    imageManifest({ config, layers: [layer], fields: { annotations: {} } }),
    "two",
  );
  await client.pushManifest(imageManifest({ config, layers: [layer] }), "three");
  const found = await done("GET", `/repositories/${client.repository}`);
  expect(found).toMatchObject({ size: 210, tags: 3, manifests: 2 });
});

test("GET: what is private is not there for outsiders, and what is not there looks the same", async () => {
  const namespace = await newNamespace();
  const name = `${namespace}/app`;
  await make(name);
  const stranger = (await newUser()).authorization;
  for (const [as, status] of [
    [null, 401],
    [stranger, 403],
  ] as const) {
    const bodies = [name, `${namespace}/nothing`].map(async (repository) => {
      const response = await api("GET", `/repositories/${repository}`, undefined, { as });
      expect(response.status).toBe(status);
      return (await response.text()).replaceAll(repository, "<name>");
    });
    const [there, missing] = await Promise.all(bodies);
    expect(there).toBe(missing);
  }
  const reader = await newUser({ [`${namespace}/*`]: "reader" });
  const options = { as: reader.authorization };
  expect((await api("GET", `/repositories/${name}`, undefined, options)).status).toBe(200);
  const missing = await api("GET", `/repositories/${namespace}/nothing`, undefined, options);
  expect(await problem(missing)).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
});

test("GET: what is public is there for everyone, also to a token for something else", async () => {
  const name = `${await newNamespace()}/app`;
  await make(name, { visibility: "public" });
  const person = await newUser();
  const token = await newToken(person.name, [{ repositories: "other/*", actions: ["push"] }]);
  for (const as of [null, person.authorization, token]) {
    expect((await api("GET", `/repositories/${name}`, undefined, { as })).status).toBe(200);
    expect(await names(`?namespace=${name.split("/")[0]}`, as)).toEqual([name]);
  }
});

test("PATCH: changes what it names, keeps the rest, and notes it", async () => {
  const name = `${await newNamespace()}/app`;
  await make(name, { description: "first", labels: { a: "1" } });
  const changed = await done("PATCH", `/repositories/${name}`, {
    visibility: "public",
    description: "",
    readme: "# Hello",
  });
  const expected = { visibility: "public", description: "", readme: "# Hello", labels: { a: "1" } };
  expect(changed).toMatchObject({ ...expected, version: 2 });
  expect(await entries(name)).toContainEqual({
    actor: "admin",
    action: "repository.update",
    detail: "visibility=public description readme",
  });
});

test("PATCH: answers 412 when somebody else changed it meanwhile", async () => {
  const name = `${await newNamespace()}/app`;
  await make(name);
  const path = `/repositories/${name}`;
  const headers = { "if-match": '"1"' };
  const first = await api("PATCH", path, { description: "one" }, { headers });
  expect(first.headers.get("etag")).toBe('"2"');
  for (const stale of ['"1"', '"3"', 'W/"2"', "nonsense"]) {
    const options = { headers: { "if-match": stale } };
    for (const [method, body] of [
      ["PATCH", { description: "two" }],
      ["DELETE", undefined],
    ] as const) {
      const response = await changesNothing(() => api(method, path, body, options));
      expect(await problem(response)).toMatchObject({ status: 412 });
    }
  }
  const any = await api("PATCH", path, { description: "two" }, { headers: { "if-match": "*" } });
  expect(any.headers.get("etag")).toBe('"3"');
});

test("PATCH and DELETE: answer 404 where there is nothing, and note nothing", async () => {
  const path = `/repositories/${await newNamespace()}/nothing`;
  for (const [method, body] of [
    ["PATCH", { readme: "x" }],
    ["DELETE", undefined],
  ] as const) {
    const response = await changesNothing(() => api(method, path, body));
    expect(await problem(response)).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
  }
});

test.each([
  ["nothing", {}],
  ["another name", { name: "acme/y" }],
  ["a null", { description: null }],
])("PATCH: refuses %s", async (_, body) => {
  const name = `${await newNamespace()}/app`;
  await make(name);
  const response = await changesNothing(() => api("PATCH", `/repositories/${name}`, body));
  expect((await problem(response)).status).toBe(400);
});

test.each([
  ["a writer", "writer", 403],
  ["a maintainer of another namespace", "stranger", 403],
  ["a maintainer", "maintainer", 200],
] as const)("PATCH and DELETE: by %s", async (_, role, status) => {
  const [namespace, other] = [await newNamespace(), await newNamespace()];
  const name = `${namespace}/app`;
  await make(name, { visibility: "public" });
  const roles =
    role === "stranger" ? { [`${other}/*`]: "maintainer" as const } : { [`${namespace}/*`]: role };
  const as = (await newUser(roles)).authorization;
  const patch = () => api("PATCH", `/repositories/${name}`, { visibility: "private" }, { as });
  const remove = () => api("DELETE", `/repositories/${name}`, undefined, { as });
  if (status === 403) {
    for (const work of [patch, remove]) expect((await changesNothing(work)).status).toBe(403);
  } else {
    expect((await patch()).status).toBe(200);
    expect((await remove()).status).toBe(204);
  }
});

test("PATCH: what becomes private is gone for outsiders", async () => {
  const name = `${await newNamespace()}/app`;
  await make(name, { visibility: "public" });
  await done("PATCH", `/repositories/${name}`, { visibility: "private" });
  expect((await api("GET", `/repositories/${name}`, undefined, { as: null })).status).toBe(401);
  expect(await names(`?namespace=${name.split("/")[0]}`, null)).toEqual([]);
});

test("DELETE: takes all of it away, and nothing of another repository", async () => {
  const namespace = await newNamespace();
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const neighbour = client.in(`${namespace}/app2`);
  const config = blob();
  for (const each of [client, neighbour]) {
    await each.pushBlob(config);
    await each.pushManifest(imageManifest({ config }), "tag");
  }
  await env.DB.prepare(
    `INSERT INTO pulls SELECT id, 'tag', 20000, 3 FROM repositories WHERE name = ?1`,
  )
    .bind(client.repository)
    .run();
  await done("DELETE", `/repositories/${client.repository}`);
  expect((await client.get("manifests/tag")).status).toBe(404);
  expect((await client.get(`blobs/${config.digest}`)).status).toBe(404);
  expect((await api("GET", `/repositories/${client.repository}`)).status).toBe(404);
  expect(await neighbour.pullManifest("tag")).toBeInstanceOf(Uint8Array);
  expect(await neighbour.pullBlob(config.digest)).toEqual(config.bytes);
  for (const table of ["manifest_references", "tags", "manifests", "repository_blobs", "pulls"]) {
    const orphan = `SELECT 1 FROM ${table} WHERE repository_id NOT IN (SELECT id FROM repositories)`;
    expect((await env.DB.prepare(orphan).all()).results).toEqual([]);
  }
  expect(await entries(client.repository)).toContainEqual({
    actor: "admin",
    action: "repository.delete",
    detail: null,
  });
});

test("the list of repositories: what the caller may pull, sorted, page by page", async () => {
  const [one, two, other] = [await newNamespace(), await newNamespace(), await newNamespace()];
  await insert([
    one,
    `${one}-x/a`,
    `${one}/a`,
    `${one}/b/c`,
    `${two}/app`,
    `${two}/web`,
    `${two}/api`,
  ]);
  await insert([`${other}/private`]);
  await insert([`${other}/public`, `${one}/z`], "public");
  const { authorization } = await newUser({
    [`${one}/*`]: "reader",
    [`${two}/a*`]: "writer",
    [`${two}/web`]: "owner",
  });
  const expected = [
    one,
    `${one}/a`,
    `${one}/b/c`,
    `${one}/z`,
    `${two}/api`,
    `${two}/app`,
    `${two}/web`,
  ].toSorted();
  for (const limit of [1, 2, 3, 100]) {
    const found = await names(`?limit=${limit}`, authorization);
    expect(found.filter((name) => expected.includes(name))).toEqual(expected);
    expect(found).toEqual(found.toSorted());
    expect(found).toContain(`${other}/public`);
    expect(found).not.toContain(`${other}/private`);
    expect(found).not.toContain(`${one}-x/a`);
  }
  expect(await names(`?namespace=${one}&limit=1`, authorization)).toEqual(
    expected.filter((name) => name.startsWith(one)),
  );
  expect(await names(`?namespace=${other}`, authorization)).toEqual([`${other}/public`]);
  expect(await names(`?namespace=${other}`, null)).toEqual([`${other}/public`]);
});

test("the list of repositories: the administrator's is of all; everyone's where everyone may pull", async () => {
  const namespace = await newNamespace();
  await insert([`${namespace}/a`, `${namespace}/b`]);
  const everything = [`${namespace}/a`, `${namespace}/b`];
  expect(
    (await all<Repository>(`/repositories?namespace=${namespace}`)).map(({ name }) => name),
  ).toEqual(everything);
  const options = { as: null, send: withSettings({ PUBLIC_PULL: "true" }) };
  const found = await all<Repository>(`/repositories?namespace=${namespace}`, options);
  expect(found.map(({ name }) => name)).toEqual(everything);
});

test.each([
  ["within the role", "/team/*", ["/team/a", "/team/b"]],
  ["one repository", "/team/b", ["/team/b"]],
  ["beyond the role", "/*", ["/app", "/team/a", "/team/b"]],
  ["none of it", "x/*", []],
  ["what ends so", "/*b", ["/team/b"]],
])(
  "the list of repositories: a token's limits count as well as the role: %s",
  async (_, pattern, expected) => {
    const namespace = await newNamespace();
    await insert(["/app", "/team/a", "/team/b"].map((path) => namespace + path));
    const { name } = await newUser({ [`${namespace}/*`]: "reader" });
    const scopes: Scope[] = [{ repositories: namespace + pattern, actions: ["pull"] }];
    const as = await newToken(name, scopes);
    expect(await names(`?namespace=${namespace}&limit=1`, as)).toEqual(
      expected.map((path) => namespace + path),
    );
  },
);

test("the list of repositories: pages, and whether there is a next one, are the same whatever is hidden between and behind", async () => {
  const visible = ["/b-web", "/k-web", "/m", "/z/x-web"];
  const pages = async (hidden: readonly string[]) => {
    const namespace = await newNamespace();
    await insert([...visible, ...hidden].map((path) => namespace + path));
    const { authorization: as } = await newUser({
      [`${namespace}/*-web`]: "reader",
      [`${namespace}/m`]: "reader",
    });
    const seen = [];
    for (const limit of [1, 3, 4, 100]) {
      for (const after of ["", "/b-web", "/c", "/secret-3", "/secret-59", "/zz"]) {
        const query = `?namespace=${namespace}&limit=${limit}${after && `&after=${namespace}${after}`}`;
        const path = `/repositories${query}`;
        const page = await done<{ items: Repository[]; next: string | null }>(
          "GET",
          path,
          undefined,
          { as },
        );
        const shown = [page.items.map(({ name }) => name), page.next];
        seen.push(shown.map((part) => JSON.stringify(part).replaceAll(namespace, "")));
      }
    }
    return seen;
  };
  const many = Array.from({ length: 60 }, (_, i) => `/secret-${String(i)}`);
  const alone = await pages([]);
  expect(await pages(many)).toEqual(alone);
  expect(await pages(["/zz", "/a", "/k"])).toEqual(alone);
  expect(alone[0]).toEqual(['["/b-web"]', '"/b-web"']);
  expect(alone).toContainEqual(["[]", "null"]);
});

test("the list of repositories: so many namespaces of the caller's are searched in one request, and the next one goes on", async () => {
  const namespaces = await Promise.all(Array.from({ length: 7 }, newNamespace));
  await insert(namespaces.flatMap((name) => [`${name}/hidden`, `${name}/a-web`]));
  const { authorization: as } = await newUser(
    Object.fromEntries(namespaces.map((name) => [`${name}/*-web`, "reader" as const])),
  );
  const first = await done<{ items: Repository[]; next: string }>(
    "GET",
    "/repositories?limit=50",
    undefined,
    { as },
  );
  expect(first.next).toMatch(/^~[\w-]+$/);
  const mine = namespaces.map((name) => `${name}/a-web`).toSorted();
  const found = await names("?limit=50", as);
  expect(found.filter((name) => mine.includes(name))).toEqual(mine);
  for (const forged of ["~", "~AAAA", "~%2B", `${first.next}A`, `~${"A".repeat(60)}`]) {
    const response = await api("GET", `/repositories?after=${forged}`, undefined, { as });
    expect(await problem(response), forged).toMatchObject({ status: 400, code: "FIELD_INVALID" });
  }
});

test.each(["1001", "99999999", "9".repeat(400), "0001"])(
  "the list of repositories: takes ?limit=%s",
  async (limit) => {
    const namespace = await newNamespace();
    await insert([1, 2].map((i) => `${namespace}/app${i}`));
    const path = `/repositories?namespace=${namespace}&limit=${limit}`;
    const { items } = await done<{ items: object[] }>("GET", path);
    expect(items).toHaveLength(limit === "0001" ? 1 : 2);
  },
);

test.each(["limit=0", "limit=00", "limit=-1", "limit=1.5", "limit=", "limit=x", "namespace=A/b"])(
  "the list of repositories: refuses ?%s",
  async (query) => {
    expect((await problem(await api("GET", `/repositories?${query}`))).status).toBe(400);
  },
);

function annotate(description: string) {
  return {
    annotations: {
      "org.opencontainers.image.description": description,
      "org.opencontainers.image.source": "https://example.com/app",
      "com.example.other": "x",
    },
  };
}

test("a manifest's annotations describe a repository that nobody has described", async () => {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const config = await client.pushBlob(blob());
  await client.pushManifest(imageManifest({ config, fields: annotate("first") }), "tag");
  const path = `/repositories/${client.repository}`;
  const described = {
    description: "first",
    labels: { "org.opencontainers.image.source": "https://example.com/app" },
  };
  expect(await done("GET", path)).toMatchObject(described);
  await client.pushManifest(imageManifest({ config, fields: annotate("second") }), "tag");
  expect(await done("GET", path)).toMatchObject(described);
});

test("a manifest's annotations are put on one line, so that they can be sent back", async () => {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const config = await client.pushBlob(blob());
  const fields = annotate("one\r\ntwo\u001b[2J\0");
  const annotations = { ...fields.annotations, "org.opencontainers.image.title": "a\nb" };
  await client.pushManifest(imageManifest({ config, fields: { annotations } }), "tag");
  const path = `/repositories/${client.repository}`;
  const { description, labels } = await done<Repository>("GET", path);
  expect(description).toBe("one two [2J ");
  expect(labels).toMatchObject({ "org.opencontainers.image.title": "a b" });
  await done("PATCH", path, { description, labels });
});

test.each(["source", "url", "documentation"])(
  "a label that pages show as a link is one of the web: %s",
  async (name) => {
    const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
    const config = await client.pushBlob(blob());
    const key = `org.opencontainers.image.${name}`;
    const path = `/repositories/${client.repository}`;
    const bad = [
      "javascript:alert(1)",
      " javascript:alert(1)",
      "data:text/html,x",
      "//a.test",
      "https://",
    ];
    for (const link of bad) {
      const fields = { annotations: { [key]: link, "org.opencontainers.image.title": "a" } };
      await client.pushManifest(imageManifest({ config, fields }), "tag");
      expect((await done<Repository>("GET", path)).labels).toEqual({
        "org.opencontainers.image.title": "a",
      });
      const response = await api("PATCH", path, { labels: { [key]: link } });
      expect(await problem(response)).toMatchObject({ status: 400, code: "FIELD_INVALID" });
    }
    await done("PATCH", path, { labels: { [key]: "https://example.com/app", other: bad[0] } });
  },
);

test.each([
  ["a description", { description: "given" }],
  ["labels", { labels: { given: "1" } }],
  ["both", { description: "given", labels: { given: "1" } }],
])("a manifest's annotations leave %s alone that somebody gave", async (_, given) => {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  await make(client.repository, given);
  const config = await client.pushBlob(blob());
  const pushed = {
    description: "pushed",
    labels: { "org.opencontainers.image.source": "https://example.com/app" },
  };
  const fields = annotate(pushed.description);
  const path = `/repositories/${client.repository}`;
  // A client edits the version that it read: a push that changes nothing must not prevent that.
  const version = Object.keys(given).length === 2 ? 1 : 2;
  for (const tag of ["one", "two"]) {
    await client.pushManifest(imageManifest({ config, fields }), tag);
    expect(await done("GET", path)).toMatchObject({ version });
    const { description, labels } = await done<Repository>("GET", path);
    expect({ description, labels }).toEqual({ ...pushed, ...given });
  }
});

test("CREATE_ON_PUSH=false: a push goes only to a repository that somebody made", async () => {
  const repository = `${await newNamespace()}/app`;
  const client = new RegistryClient({
    repository,
    send: withSettings({ CREATE_ON_PUSH: "false" }),
  });
  const image = imageManifest({ config: blob() });
  const push = [
    () => client.request("POST", "blobs/uploads/"),
    () => client.putManifest("tag", image),
  ];
  for (const work of push) {
    const response = await changesNothing(work);
    expect(await refusal(response)).toEqual({ status: 404, code: "NAME_UNKNOWN" });
  }
  await make(repository);
  const config = await client.pushBlob(blob());
  await client.pushManifest(imageManifest({ config }), "tag");
});

/** A repository that is deleted while this client pushes to it, where a push makes none. */
async function deletedWhile() {
  const repository = `${await newNamespace()}/app`;
  const send = withSettings({ CREATE_ON_PUSH: "false" });
  await make(repository);
  return new RegistryClient({ repository, send });
}

test.each([
  ["of new bytes", () => blob()],
  ["of bytes that another repository holds", () => new RegistryClient().pushBlob(blob())],
])(
  "CREATE_ON_PUSH=false: an upload %s does not bring a deleted repository back",
  async (_, content) => {
    const client = await deletedWhile();
    const { bytes, digest } = await content();
    const location = await client.startUpload();
    await done("DELETE", `/repositories/${client.repository}`);
    const before = await stored();
    const response = await changesNothing(() => client.finish(location, digest, bytes));
    expect(await refusal(response)).toEqual({ status: 404, code: "BLOB_UPLOAD_UNKNOWN" });
    expect((await stored()).rows).toEqual(before.rows);
    // After somebody has created it again, the client may continue.
    await make(client.repository);
    expect((await client.finish(location, digest, bytes)).status).toBe(201);
    expect(await client.pullBlob(digest)).toEqual(bytes);
  },
);

test("CREATE_ON_PUSH=false: a manifest does not bring back a repository that is deleted just before it is written", async () => {
  const { repository } = await deletedWhile();
  const DB = new Proxy(env.DB, {
    get(db, name) {
      if (name !== "batch") return (sql: string) => db.prepare(sql);
      return async (batch: D1PreparedStatement[]) => {
        await done("DELETE", `/repositories/${repository}`);
        return leavesNothing(() => db.batch(batch));
      };
    },
  });
  const send = withSettings({ CREATE_ON_PUSH: "false", DB } as never);
  const client = new RegistryClient({ repository, send });
  const response = await client.putManifest("tag", index([]));
  expect(await refusal(response)).toEqual({ status: 404, code: "NAME_UNKNOWN" });
  expect(await entries(repository)).toMatchObject([
    { action: "repository.create" },
    { action: "repository.delete" },
  ]);
});

const NOBODY: Initiator = {
  actor: null,
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};

test("where pushes make no repositories, neither mounts nor manifests bring a deleted one back", async () => {
  const client = new RegistryClient();
  const { digest } = await client.pushBlob(blob());
  const gone = `${await newNamespace()}/gone` as RepositoryName;
  const manifest = imageManifest({ config: blob() });
  const rows = {
    digest: manifest.digest as Digest,
    mediaType: manifest.mediaType,
    size: manifest.bytes.length,
    content: new TextDecoder().decode(manifest.bytes),
    object: null,
    subject: null,
    artifactType: "",
    purpose: { kind: "image" as const, evidence: 0 },
    references: [{ digest: digest as Digest, kind: "optional" as const, platform: null }],
    adopt: [digest as Digest],
    tags: ["tag" as Tag],
    imageAnnotations: { description: "x", labels: {} },
  };
  await leavesNothing(() =>
    changesNothing(async () => {
      const put = new ManifestStore(env.DB, "refuse").put(gone, rows, NOBODY);
      await expect(put).rejects.toMatchObject({ code: "NAME_UNKNOWN" });
      const blobs = new BlobStore(env.DB, "refuse");
      expect(await blobs.mount(gone, digest as Digest, "all", NOBODY)).toBe(false);
    }),
  );
  expect(await new ManifestStore(env.DB, "make").put(gone, rows, NOBODY)).toBe(true);
});
