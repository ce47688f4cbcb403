import { describe, expect, test } from "vitest";
import { RegistryClient } from "../support/client.ts";
import { blob } from "../support/images.ts";
import { api, audited, done, makeNamespace, refused, unused } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";
import { changesNothing } from "../support/lists.ts";

const NONE = { bytes: { used: 0, limit: null }, repositories: { used: 0, limit: null } };

function pathOf(namespace: string): string {
  return `/namespaces/${namespace}/quota`;
}

test("GET: what the namespace takes, each blob once, and no limits at first", async () => {
  const namespace = await newNamespace();
  expect(await done("GET", pathOf(namespace))).toEqual(NONE);
  const shared = blob(300);
  for (const name of ["a", "b"]) {
    const client = new RegistryClient({ repository: `${namespace}/${name}` });
    await client.pushBlob(shared);
    await client.pushBlob(blob(20));
  }
  expect(await done("GET", pathOf(namespace))).toEqual({
    bytes: { used: 340, limit: null },
    repositories: { used: 2, limit: null },
  });
});

test("PUT: limits what it names, leaves the other, and is audited", async () => {
  const { namespace } = await makeNamespace();
  const path = pathOf(namespace);
  const steps = [
    [{ bytes: 10_737_418_240 }, 10_737_418_240, null],
    [{ repositories: 50 }, 10_737_418_240, 50],
    [{ bytes: null }, null, 50],
    [{ bytes: 0, repositories: 0 }, 0, 0],
    [{ bytes: Number.MAX_SAFE_INTEGER, repositories: null }, Number.MAX_SAFE_INTEGER, null],
  ] as const;
  for (const [body, bytes, repositories] of steps) {
    const quota = {
      bytes: { used: 0, limit: bytes },
      repositories: { used: 0, limit: repositories },
    };
    expect(await done("PUT", path, body)).toEqual(quota);
    expect(await done("GET", path)).toEqual(quota);
  }
  expect(await audited(namespace)).toEqual([
    "namespace.create",
    ...steps.map(() => "quota.update"),
  ]);
  const { items } = await done<{ items: { detail: string }[] }>(
    "GET",
    `/namespaces/${namespace}/audit?action=quota.update`,
  );
  expect(items.map(({ detail }) => detail).toReversed()).toEqual([
    "bytes=10737418240",
    "repositories=50",
    "bytes=none",
    "bytes=0 repositories=0",
    "bytes=9007199254740991 repositories=none",
  ]);
});

test("PUT: one below what is there is taken", async () => {
  const namespace = await newNamespace();
  await new RegistryClient({ repository: `${namespace}/app` }).pushBlob(blob(100));
  expect(await done("PUT", pathOf(namespace), { bytes: 99, repositories: 0 })).toEqual({
    bytes: { used: 100, limit: 99 },
    repositories: { used: 1, limit: 0 },
  });
});

describe.each([
  ["nothing", {}, ""],
  ["a fraction", { bytes: 0.5 }, "bytes"],
  ["less than nothing", { bytes: -1 }, "bytes"],
  ["a text", { bytes: "10GiB" }, "bytes"],
  ["true", { repositories: true }, "repositories"],
  ["more than can be counted", { repositories: 2 ** 53 }, "repositories"],
  ["another resource", { tags: 1 }, "tags"],
  ["one right, one wrong", { bytes: 1, repositories: -1 }, "repositories"],
])("PUT: %s", (_, body, field) => {
  test("is refused, and the answer names the field", async () => {
    const namespace = await newNamespace();
    const response = await changesNothing(() => api("PUT", pathOf(namespace), body));
    expect(response.status).toBe(400);
    const { errors } = await response.json<{ errors?: [{ field: string }] }>();
    expect(errors?.[0].field ?? "").toBe(field);
    expect(await done("GET", pathOf(namespace))).toEqual(NONE);
  });
});

test("owners see it, administrators alone change it; nobody else does either", async () => {
  const { namespace, owner } = await makeNamespace();
  const path = pathOf(namespace);
  const body = { bytes: 1 };
  const denied = { status: 403, code: "DENIED" };
  const as = owner.authorization;
  expect(await done("GET", path, undefined, { as })).toEqual(NONE);
  expect(await refused("PUT", path, body, { as })).toEqual(denied);
  const { authorization } = await newUser({ [`${namespace}/*`]: "maintainer" });
  expect(await refused("GET", path, undefined, { as: authorization })).toEqual(denied);
  expect(await refused("PUT", path, body, { as: authorization })).toEqual(denied);
});

test("a namespace that is not there has no quota", async () => {
  const missing = { status: 404, code: "NOT_FOUND" };
  const path = pathOf(unused("none"));
  expect(await refused("GET", path)).toEqual(missing);
  expect(await refused("PUT", path, { bytes: 1 })).toEqual(missing);
});

test("a quota goes with its namespace: the next of its name has none", async () => {
  const namespace = await newNamespace();
  await done("PUT", pathOf(namespace), { bytes: 1, repositories: 1 });
  await done("DELETE", `/namespaces/${namespace}`);
  await done("POST", "/namespaces", { name: namespace });
  expect(await done("GET", pathOf(namespace))).toEqual(NONE);
});

test("two changes of a quota at once are both done, one after the other", async () => {
  const namespace = await newNamespace();
  const path = pathOf(namespace);
  await Promise.all([done("PUT", path, { bytes: 1 }), done("PUT", path, { repositories: 2 })]);
  expect(await done("GET", path)).toMatchObject({
    bytes: { limit: 1 },
    repositories: { limit: 2 },
  });
});
