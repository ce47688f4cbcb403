/** An encrypted cursor is valid only for the list that it comes from. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { encryptCursor, type SealedList } from "../../src/http/cursor.ts";
import { api, done, makeNamespace, problem, refused } from "../support/management.ts";
import { ANY, policyOf, pushedBefore, rule } from "../support/retention.ts";

const POLICY = policyOf(rule(1, { ...ANY, ...pushedBefore(30) }));
const SIGNING = { key: env.TOKEN_KEY, nextKey: null, service: "" };
const LISTS = ["repositories", "deleted-repositories", "retention-preview"] as const;

/** A cursor of each list, and one of none. */
const PLACES = ["acme/app", "acme/app:1:2", '{"subject":"x"}', "null", "{", ""];

async function look(list: SealedList, after: string): Promise<Parameters<typeof api>> {
  const query = `?after=${encodeURIComponent(after)}`;
  if (list !== "retention-preview") return ["GET", `/${list}${query}`];
  const { namespace } = await makeNamespace();
  await done("POST", "/repositories", { name: `${namespace}/app` });
  return ["POST", `/repositories/${namespace}/app/-/retention/preview${query}`, POLICY];
}

const pairs = LISTS.flatMap((list) => LISTS.map((of) => ({ list, of })));

test.each(pairs.filter(({ list, of }) => list !== of))("$list, one of $of", async (pair) => {
  for (const place of PLACES) {
    const cursor = await encryptCursor(place, pair.of, SIGNING);
    const found = await refused(...(await look(pair.list, cursor)));
    expect(found).toEqual({ status: 400, code: "FIELD_INVALID" });
  }
});

test.each([
  { list: "repositories", place: "acme/app" },
  { list: "deleted-repositories", place: "acme/app:1:2" },
] as const)("$list, one of its own", async ({ list, place }) => {
  const cursor = await encryptCursor(place, list, SIGNING);
  const response = await api(...(await look(list, cursor)));
  expect(response.status, await response.clone().text()).toBe(200);
});

test("one that was changed", async () => {
  const cursor = await encryptCursor("acme", "repositories", SIGNING);
  const changed = cursor.slice(0, -4) + (cursor.endsWith("AAAA") ? "BBBB" : "AAAA");
  expect(await problem(await api(...(await look("repositories", changed))))).toEqual({
    status: 400,
    code: "FIELD_INVALID",
  });
});
