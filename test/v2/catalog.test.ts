/** Docker's list of repositories, for everyone who may read it. */
import { beforeAll, describe, expect, test } from "vitest";
import { RegistryClient, withSettings } from "../support/client.ts";
import { blob } from "../support/images.ts";
import { newNamespace, newUser } from "../support/principals.ts";
import { addSecret } from "../support/accounts.ts";
import { api, done } from "../support/management.ts";

const admin = new RegistryClient();
let namespace: string;
let other: string;
let reader: string;
let robot: string;

beforeAll(async () => {
  namespace = await newNamespace();
  other = await newNamespace();
  const names = [`${namespace}/a`, `${namespace}/b-web`, `${namespace}/c`, `${other}/d`];
  for (const name of names) await admin.in(name).pushBlob(blob());
  await done("PATCH", `/repositories/${namespace}/c`, { visibility: "public" });
  reader = (await newUser({ [`${namespace}/*-web`]: "reader" })).authorization;
  const scopes = [{ repositories: `${namespace}/a`, actions: ["pull"] }];
  await done("POST", `/namespaces/${namespace}/robots`, { name: "ci", scopes });
  const made = await api("POST", `/namespaces/${namespace}/robots/ci/tokens`, {});
  robot = `Basic ${btoa(`${namespace}+ci:${(await made.json<{ secret: string }>()).secret}`)}`;
});

/** Lists what a client sees of the two namespaces, page by page. */
async function listed(client: RegistryClient, n: number): Promise<string[]> {
  const names: string[] = [];
  let path: string | undefined = `/v2/_catalog?n=${n}`;
  while (path !== undefined) {
    const response: Response = await client.get(path);
    expect(response.status).toBe(200);
    names.push(...(await response.json<{ repositories: string[] }>()).repositories);
    path = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return names.filter((name) => [namespace, other].includes(name.split("/")[0] ?? ""));
}

describe.each([
  ["nobody", () => null, ["c"]],
  ["a reader of a pattern", () => reader, ["b-web", "c"]],
  ["a robot", () => robot, ["a", "c"]],
])("%s", (_, authorization, expected) => {
  test.each([1, 2, 100])("sees what it may pull, %i to a page, with a token", async (n) => {
    const client = admin.as(authorization());
    const token = await client.token("registry:catalog:*");
    const names = expected.map((name) => `${namespace}/${name}`);
    expect(await listed(client.as(token), n)).toEqual(names);
    if (authorization() !== null) expect(await listed(client, n)).toEqual(names);
  });
});

test("an administrator sees all", async () => {
  const token = await admin.token("registry:catalog:*");
  for (const client of [admin, admin.as(token)]) {
    const names = ["a", "b-web", "c"].map((name) => `${namespace}/${name}`);
    expect(await listed(client, 100)).toEqual([...names, `${other}/d`].toSorted());
  }
});

test("without credentials it says which token to get, and that one opens it", async () => {
  const response = await admin.as(null).get("/v2/_catalog");
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toContain('scope="registry:catalog:*"');
});

test("a token for the catalog pulls nothing that it was not asked for", async () => {
  const token = await admin.token("registry:catalog:*");
  const pull = await admin.as(token).in(`${namespace}/a`).get("tags/list");
  expect(pull.status).toBe(401);
});

test("a role that was given a moment ago shows, and one that was taken away shows nothing more", async () => {
  const user = await newUser();
  const client = admin.as(user.authorization);
  expect(await listed(client, 100)).toEqual([`${namespace}/c`]);
  await done("PUT", `/namespaces/${other}/members/${user.name}`, { role: "reader" });
  const token = client.as(await client.token("registry:catalog:*"));
  expect(await listed(token, 100)).toContain(`${other}/d`);
  await done("DELETE", `/namespaces/${other}/members/${user.name}`);
  expect((await token.get("/v2/_catalog")).status).toBe(401);
  expect(await listed(client, 100)).toEqual([`${namespace}/c`]);
});

test("PUBLIC_PULL: everyone sees everything", async () => {
  const send = withSettings({ PUBLIC_PULL: "true" });
  const everyone = new RegistryClient({ authorization: null, send });
  const token = await everyone.token("registry:catalog:*");
  expect(await listed(everyone.as(token), 100)).toContain(`${other}/d`);
});

test("a token's limits hold", async () => {
  const user = await newUser();
  await done("PUT", `/namespaces/${namespace}/members/${user.name}`, { role: "owner" });
  const scopes = [{ repositories: `${namespace}/a`, actions: ["pull" as const] }];
  const { secret } = await addSecret({ user: user.name, scopes });
  const client = admin.as(`Basic ${btoa(`${user.name}:${secret}`)}`);
  const token = await client.token("registry:catalog:*");
  for (const one of [client, client.as(token)]) {
    expect(await listed(one, 100)).toEqual([`${namespace}/a`, `${namespace}/c`]);
  }
});
