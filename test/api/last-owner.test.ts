/** A namespace does not lose its last owner by an oversight. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { api, done, makeNamespace, makeUser, type Person, refused } from "../support/management.ts";

const CONFLICT = { status: 409, code: "CONFLICT" };
const CONFIRMED = "?confirm=last-owner";

interface Way {
  readonly call: (namespace: string, owner: string) => readonly [string, string, object?];
}

/** Each way to cease to be an owner. */
const WAYS: Readonly<Record<string, Way>> = {
  "the role is taken away": {
    call: (namespace, owner) => ["DELETE", `/namespaces/${namespace}/members/${owner}`],
  },
  "another role takes its place": {
    call: (namespace, owner) => [
      "PUT",
      `/namespaces/${namespace}/members/${owner}`,
      { role: "maintainer" },
    ],
  },
  "the user is deleted": { call: (_, owner) => ["DELETE", `/users/${owner}`] },
  "the user is disabled": { call: (_, owner) => ["PATCH", `/users/${owner}`, { disabled: true }] },
};

async function own(namespace: string, { name }: Person, repositories = `${namespace}/*`) {
  const role = { role: "owner", repositories };
  await done("PUT", `/namespaces/${namespace}/members/${name}`, role);
}

test.each(Object.entries(WAYS))(
  "%s: not of the last owner, unless that is confirmed",
  async (_, { call }) => {
    const { namespace, owner } = await makeNamespace();
    const [method, path, body] = call(namespace, owner.name);
    const response = await api(method, path, body);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      errors: [{ confirm: "last-owner", namespaces: [namespace] }],
    });
    expect(await refused(method, path, body)).toEqual(CONFLICT);
    await done(method, path + CONFIRMED, body);
  },
);

test.each(Object.entries(WAYS))("%s: of one of two owners, without a word", async (_, { call }) => {
  const { namespace, owner } = await makeNamespace();
  await own(namespace, await makeUser());
  await done(...call(namespace, owner.name));
});

test.each(Object.entries(WAYS))(
  "%s: an owner of a part, or one who is disabled, counts for none",
  async (_, { call }) => {
    const { namespace, owner } = await makeNamespace();
    const [part, disabled] = [await makeUser(), await makeUser()];
    await own(namespace, part, `${namespace}/app*`);
    await own(namespace, disabled);
    await done("PATCH", `/users/${disabled.name}`, { disabled: true });
    expect(await refused(...call(namespace, owner.name))).toEqual(CONFLICT);
  },
);

test("a role on a part, and who is no owner, go without a word", async () => {
  const { namespace, owner } = await makeNamespace();
  const path = `/namespaces/${namespace}/members/${owner.name}`;
  await done("PUT", path, { role: "owner", repositories: `${namespace}/app` });
  await done("PUT", path, { role: "reader", repositories: `${namespace}/app` });
  await done("DELETE", `${path}?repositories=${namespace}/app`);
  const reader = await makeUser();
  await done("PUT", `/namespaces/${namespace}/members/${reader.name}`, { role: "reader" });
  await done("DELETE", `/users/${reader.name}`);
  // Setting the same role again removes no owner.
  await done("PUT", path, { role: "owner" });
});

test("one of two owners stays who leave at the same moment", async () => {
  const { namespace, owner } = await makeNamespace();
  const other = await makeUser();
  await own(namespace, other);
  const answers = await Promise.all(
    [owner, other].map(({ name, authorization: as }) =>
      api("DELETE", `/namespaces/${namespace}/members/${name}`, undefined, { as }),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409]);
});

test("a confirmation of something else is refused, and so is a change of another version", async () => {
  const { namespace, owner } = await makeNamespace();
  const path = `/namespaces/${namespace}/members/${owner.name}`;
  for (const query of ["?confirm=yes", "?confirm=", "?confirm=last-owner&repositories=a&x=1"]) {
    expect((await refused("DELETE", path + query)).status).toBe(400);
  }
  const headers = { "if-match": '"7"' };
  const user = `/users/${owner.name}${CONFIRMED}`;
  expect((await refused("DELETE", user, undefined, { headers })).status).toBe(412);
});

test("the users of all namespaces that lose their last owner are told at once, up to ten", async () => {
  const owner = await makeUser();
  const names = Array.from({ length: 12 }, (_, n) => `${owner.name}-${n + 10}`);
  for (const name of names) await done("POST", "/namespaces", { name, owner: owner.name });
  const response = await api("DELETE", `/users/${owner.name}`);
  const { errors } = await response.json<{ errors: [{ namespaces: string[] }] }>();
  expect(errors[0].namespaces).toEqual(names.slice(0, 10));
});

test("the owners are found by an index", async () => {
  const { results } = await env.DB.prepare(
    `EXPLAIN QUERY PLAN SELECT 1 FROM members o WHERE o.namespace = 'a' AND o.user <> 'b'
     AND o.role = 'owner' AND o.pattern = o.namespace || '/*'`,
  ).all<{ detail: string }>();
  expect(results.map(({ detail }) => detail).join()).toContain("namespace_owners");
});
