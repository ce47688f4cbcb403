/** If-Match and If-None-Match (RFC 9110 § 13) on what can be edited. */
import { beforeAll, describe, expect, test } from "vitest";
import { api, done, makeNamespace, makeUser, refused, unused } from "../support/management.ts";

const MISMATCH = { status: 412, code: "VERSION_MISMATCH" };

let namespace: string;

beforeAll(async () => {
  ({ namespace } = await makeNamespace());
});

const SCOPES = () => [{ repositories: `${namespace}/*`, actions: ["pull"] }];

async function robot(): Promise<string> {
  const name = unused("robot");
  await done("POST", `/namespaces/${namespace}/robots`, { name, scopes: SCOPES() });
  return `/namespaces/${namespace}/robots/${name}`;
}

async function rule(): Promise<string> {
  const name = unused("rule");
  await done("POST", `/namespaces/${namespace}/trust-rules`, {
    name,
    issuer: "https://issuer.example",
    audience: "https://registry.test",
    claims: { sub: ["someone"] },
    scopes: SCOPES(),
  });
  return `/namespaces/${namespace}/trust-rules/${name}`;
}

async function repository(): Promise<string> {
  const name = `${namespace}/${unused("app")}`;
  await done("POST", "/repositories", { name });
  return `/repositories/${name}`;
}

/** A kind of resource: how to create one, how to change it, and whether its version covers all that a GET shows. */
const KINDS = [
  ["a user", async () => `/users/${(await makeUser()).name}`, { admin: false }, true],
  [
    "a namespace",
    async () => `/namespaces/${(await makeNamespace()).namespace}`,
    { visibility: "public" },
    true,
  ],
  ["a robot", robot, { description: "another" }, false],
  ["a trust rule", rule, { lifetime: 60 }, true],
  ["a repository", repository, { description: "another" }, false],
] as const;

describe.each(KINDS)("%s", (_, make, change, isWhole) => {
  /** One that is at version 2. */
  async function edited(): Promise<string> {
    const path = await make();
    await done("PATCH", path, change);
    return path;
  }

  test("is not changed under a condition that does not hold", async () => {
    const path = await edited();
    for (const headers of [
      ...['"1"', '"1", "3"', 'W/"2"', '"02"', "2", '"2', '"2,"', '"1", W/"2"'].map((tags) => ({
        "if-match": tags,
      })),
      ...["*", '"2"', 'W/"2"', '"1", "2"'].map((tags) => ({ "if-none-match": tags })),
      { "if-match": '"2"', "if-none-match": "*" },
      { "if-match": '"2"', "if-none-match": '"2"' },
      { "if-match": '"1"', "if-none-match": '"1"' },
      { "if-match": "*", "if-none-match": 'W/"2"' },
    ]) {
      const place = JSON.stringify(headers);
      expect(await refused("PATCH", path, change, { headers }), place).toEqual(MISMATCH);
      expect(await refused("DELETE", path, undefined, { headers }), place).toEqual(MISMATCH);
    }
  });

  test("is not changed in its first version either", async () => {
    const path = await make();
    for (const headers of [
      { "if-none-match": "*" },
      { "if-match": 'W/"1"' },
      { "if-match": '"01"' },
    ]) {
      expect(await refused("PATCH", path, change, { headers })).toEqual(MISMATCH);
      expect(await refused("DELETE", path, undefined, { headers })).toEqual(MISMATCH);
    }
  });

  test("is changed under one that holds", async () => {
    const path = await edited();
    let version = 2;
    for (const tags of [`"@"`, ' "@" ', `"1","@"`, `"@", "99"`, `W/"x,", "a,b" , "@"`, "*"]) {
      const headers = { "if-match": tags.replace("@", String(version)) };
      const response = await api("PATCH", path, change, { headers });
      expect(response.status, tags).toBe(200);
      expect(response.headers.get("etag")).toBe(`"${++version}"`);
    }
    for (const headers of [
      { "if-none-match": '"1"' },
      { "if-none-match": 'W/"1", "99"' },
      { "if-none-match": '"1"', "if-match": "*" },
    ]) {
      const response = await api("PATCH", path, change, { headers });
      expect(response.headers.get("etag"), JSON.stringify(headers)).toBe(`"${++version}"`);
    }
    const headers = { "if-match": `"1", "${version}"`, "if-none-match": '"1"' };
    expect((await api("DELETE", path, undefined, { headers })).status).toBe(204);
  });

  test("is not found where it is not, whatever the condition", async () => {
    const path = `${await make()}x`;
    for (const headers of [
      { "if-match": "*" },
      { "if-match": '"1"' },
      { "if-match": '"1", "2"' },
      { "if-match": "nonsense" },
      { "if-none-match": "*" },
      { "if-none-match": '"1"' },
    ]) {
      const place = JSON.stringify(headers);
      expect((await refused("PATCH", path, change, { headers })).status, place).toBe(404);
      expect((await refused("DELETE", path, undefined, { headers })).status, place).toBe(404);
      expect((await api("GET", path, undefined, { headers })).status, place).toBe(404);
    }
  });

  test("is not sent again to who has it", async () => {
    const path = await edited();
    for (const method of ["GET", "HEAD"]) {
      for (const [tags, isListed] of [
        ["*", true],
        ['"2"', isWhole],
        ['W/"2"', isWhole],
        ['"1", W/"2"', isWhole],
        ['"1"', false],
        ['"02"', false],
        ["2", false],
      ] as const) {
        const response = await api(method, path, undefined, { headers: { "if-none-match": tags } });
        expect(response.status, tags).toBe(isListed ? 304 : 200);
        expect(response.headers.get("etag")).toBe('"2"');
        const isEmpty = isListed || method === "HEAD";
        expect((await response.text()) === "", `${method} ${tags}`).toBe(isEmpty);
      }
    }
  });
});
