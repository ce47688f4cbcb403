/** Rules of immutable tags, as fields of repositories and namespaces. */
import { describe, expect, test } from "vitest";
import { changesNothing, entries } from "../support/lists.ts";
import { api, done, refused, unused } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

const RULES = [{ tags: "v*", except: ["v*-rc*"] }];

async function newRepository(fields: object = {}): Promise<string> {
  const name = `${await newNamespace()}/app`;
  await done("POST", "/repositories", { name, ...fields });
  return name;
}

test("POST and PATCH of a repository: the rules are kept, shown, audited and a new version", async () => {
  const name = await newRepository({ immutableTags: RULES });
  const path = `/repositories/${name}`;
  expect(await done("GET", path)).toMatchObject({
    immutableTags: RULES,
    inheritedImmutableTags: [],
    version: 1,
  });
  const immutableTags = [{ tags: "1.*" }, { tags: "*", except: ["latest"] }];
  const shown = [
    { tags: "1.*", except: [] },
    { tags: "*", except: ["latest"] },
  ];
  const changed = await done("PATCH", path, { immutableTags });
  expect(changed).toMatchObject({ immutableTags: shown, version: 2 });
  expect(await done("PATCH", path, { description: "x" })).toMatchObject({ immutableTags: shown });
  expect(await done("PATCH", path, { immutableTags: [] })).toMatchObject({ immutableTags: [] });
  expect((await entries(name)).map(({ detail }) => detail)).toEqual([
    null,
    "immutableTags=1.*, * but latest",
    "description",
    "immutableTags=none",
  ]);
});

test("POST and PATCH of a namespace: likewise, and its repositories show them", async () => {
  const name = unused("space");
  const made = await done("POST", "/namespaces", { name, immutableTags: RULES });
  expect(made).toMatchObject({ immutableTags: RULES });
  const path = `/namespaces/${name}`;
  expect(await done("GET", path)).toEqual(made);
  await done("POST", "/repositories", { name: `${name}/app` });
  const inherited = { immutableTags: [], inheritedImmutableTags: RULES };
  expect(await done("GET", `/repositories/${name}/app`)).toMatchObject(inherited);
  const opened = await done("PATCH", path, { visibility: "public" });
  expect(opened).toMatchObject({ visibility: "public", immutableTags: RULES });
  const changed = await done("PATCH", path, { immutableTags: [{ tags: "x" }] });
  expect(changed).toMatchObject({
    visibility: "public",
    immutableTags: [{ tags: "x", except: [] }],
    version: 3,
  });
  const { items } = await done<{ items: object[] }>("GET", `/namespaces?limit=1000`);
  expect(items).toContainEqual(changed);
  const log = await done<{ items: { action: string; detail: string }[] }>("GET", `${path}/audit`);
  expect(log.items.map(({ action, detail }) => `${action} ${detail}`)).toEqual([
    "namespace.update immutableTags=x",
    "namespace.update visibility=public",
    "repository.create null",
    "namespace.create private",
  ]);
});

test("a repository takes as many rules as there may be", async () => {
  const immutableTags = Array.from({ length: 20 }, (_, i) => ({
    tags: `v${i}.*`,
    except: Array.from({ length: 20 }, (__, j) => `v${i}.${j}`),
  }));
  const name = await newRepository({ immutableTags });
  expect(await done("GET", `/repositories/${name}`)).toMatchObject({ immutableTags });
});

const GLOB = "x".repeat(50);

describe.each<[string, unknown, string]>([
  ["a rule alone", RULES[0], "immutableTags"],
  ["texts", ["v*"], "immutableTags.0"],
  ["a list", [[]], "immutableTags.0.tags"],
  ["null", null, "immutableTags"],
  ["no tags", [{ except: [] }], "immutableTags.0.tags"],
  ["another field", [{ tags: "v*", pattern: "v*" }], "immutableTags.0.pattern"],
  ["an exception alone", [{ tags: "v*", except: "v1" }], "immutableTags.0.except"],
  ["an exception of another type", [{ tags: "v*", except: [1] }], "immutableTags.0.except.0"],
  ["a malformed glob", [{ tags: "v*" }, { tags: "v?" }], "immutableTags.1.tags"],
  ["a malformed exception", [{ tags: "v*", except: ["[a-z]"] }], "immutableTags.0.except.0"],
  ["a long glob", [{ tags: `${GLOB}x` }], "immutableTags.0.tags"],
  ["21 rules", Array.from({ length: 21 }, () => ({ tags: "v*" })), "immutableTags"],
  [
    "21 exceptions",
    [{ tags: "v*", except: Array.from({ length: 21 }, () => "v1") }],
    "immutableTags.0.except",
  ],
  [
    "more than can be read with every push",
    Array.from({ length: 4 }, () => ({
      tags: GLOB,
      except: Array.from({ length: 20 }, () => GLOB),
    })),
    "immutableTags",
  ],
])("%s", (_, immutableTags, field) => {
  test("is refused, and the answer names the field", async () => {
    const name = await newRepository();
    const namespace = name.split("/", 1)[0] ?? "";
    const calls = [
      ["PATCH", `/repositories/${name}`, {}],
      ["POST", "/repositories", { name: `${namespace}/other` }],
      ["PATCH", `/namespaces/${namespace}`, {}],
      ["POST", "/namespaces", { name: unused("space") }],
    ] as const;
    for (const [method, path, body] of calls) {
      const response = await changesNothing(() => api(method, path, { ...body, immutableTags }));
      expect(await response.json(), `${method} ${path}`).toMatchObject({
        status: 400,
        code: "FIELD_INVALID",
        errors: [{ field }],
      });
    }
  });
});

test("a malformed glob's answer says what is wrong with it", async () => {
  const name = await newRepository();
  const body = { immutableTags: [{ tags: "v[a-z]" }] };
  const { detail } = await (
    await api("PATCH", `/repositories/${name}`, body)
  ).json<{
    detail: string;
  }>();
  expect(detail).toBe(
    'immutableTags.0.tags: "[" is in no tag: a glob over tags is made of letters, digits, "_", ".", "-", "*" (any characters) and "[0-9]" (a digit)',
  );
});

test.each([
  ["reader", 403],
  ["writer", 403],
  ["maintainer", 200],
] as const)("a repository's, by a %s", async (role, status) => {
  const name = await newRepository();
  const namespace = name.split("/", 1)[0] ?? "";
  const { authorization: as } = await newUser({ [`${namespace}/*`]: role });
  const body = { immutableTags: RULES };
  expect((await api("PATCH", `/repositories/${name}`, body, { as })).status).toBe(status);
  const denied = { status: 403, code: "DENIED" };
  expect(await refused("PATCH", `/namespaces/${namespace}`, body, { as })).toEqual(denied);
});

test("who may make a repository by a push makes none with rules: only a maintainer could change them", async () => {
  const namespace = await newNamespace();
  const { authorization: as } = await newUser({ [`${namespace}/*`]: "writer" });
  const body = { name: `${namespace}/app`, immutableTags: RULES };
  const denied = { status: 403, code: "DENIED" };
  expect(await refused("POST", "/repositories", body, { as })).toEqual(denied);
});

test("a change of another version is refused", async () => {
  const name = await newRepository();
  const headers = { "if-match": '"2"' };
  const stale = { status: 412, code: "VERSION_MISMATCH" };
  const body = { immutableTags: RULES };
  expect(await refused("PATCH", `/repositories/${name}`, body, { headers })).toEqual(stale);
});
