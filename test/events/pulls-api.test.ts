import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

const DAY = 20_000;

/** A repository that was pulled: each count is of a tag and a day after the 20 000th since 1970, 2024-10-04. */
async function pulled(counts: readonly (readonly [string, number, number])[]): Promise<string> {
  const name = `${await newNamespace()}/app`;
  await done("POST", "/repositories", { name });
  await env.DB.prepare(
    `INSERT INTO pulls (repository_id, tag, day, count)
     SELECT r.id, w.value ->> 0, w.value ->> 1, w.value ->> 2
     FROM repositories r, json_each(?2) w WHERE r.name = ?1`,
  )
    .bind(name, JSON.stringify(counts.map(([tag, day, count]) => [tag, DAY + day, count])))
    .run();
  return `/repositories/${name}/-/pulls`;
}

test("the list of pulls: pulls by tag and day, page by page", async () => {
  const path = await pulled([
    ["latest", 1, 5],
    ["latest", 0, 7],
    ["", 2, 1],
    ["v1", 0, 2],
  ]);
  const expected = [
    { tag: "", day: "2024-10-06", count: 1 },
    { tag: "latest", day: "2024-10-04", count: 7 },
    { tag: "latest", day: "2024-10-05", count: 5 },
    { tag: "v1", day: "2024-10-04", count: 2 },
  ];
  expect(await done("GET", path)).toEqual({ items: expected, next: null });
  // A page that is just full is the last one.
  expect(await done("GET", `${path}?limit=4`)).toEqual({ items: expected, next: null });
  expect(await done("GET", `${path}?limit=3`)).toEqual({
    items: expected.slice(0, 3),
    next: "latest:2024-10-05",
  });
  for (const limit of [1, 2, 3, 4]) expect(await all(`${path}?limit=${limit}`)).toEqual(expected);
});

test("the list of pulls: from a day, and up to before another", async () => {
  const path = await pulled([0, 1, 2, 3].map((day) => ["latest", day, day + 1] as const));
  const days = async (query: string) =>
    (await all<{ day: string }>(`${path}?${query}`)).map(({ day }) => day.slice(8));
  expect(await days("since=2024-10-06")).toEqual(["06", "07"]);
  expect(await days("until=2024-10-06")).toEqual(["04", "05"]);
  expect(await days("since=2024-10-05&until=2024-10-07&limit=1")).toEqual(["05", "06"]);
  expect(await days("since=2024-11-01")).toEqual([]);
});

test("the list of pulls: looks at so many days of others at once, and finds what lies behind", async () => {
  const many = Array.from(
    { length: 4500 },
    (_, i) => [`a${Math.floor(i / 100)}`, i % 100, 1] as const,
  );
  const path = await pulled([...many, ["z", 500, 9]]);
  const query = `${path}?since=2026-01-01`;
  const first = await done<{ items: unknown[]; next: string }>("GET", query);
  expect(first.items).toEqual([]);
  expect(first.next).toMatch(/^a\d+:\d{4}-/);
  expect(await all(query)).toEqual([{ tag: "z", day: "2026-02-16", count: 9 }]);
});

test.each([
  "since=yesterday",
  "since=2024-02-30",
  "until=2024-1-1",
  "after=x",
  "after=a:b",
  "after=a b:2024-01-01",
])("the list of pulls: refuses ?%s", async (query) => {
  const path = await pulled([]);
  expect((await problem(await api("GET", `${path}?${query}`))).status).toBe(400);
});

test("the list of pulls: not for outsiders, and unknown where there is no repository", async () => {
  const path = await pulled([["latest", 0, 1]]);
  expect((await api("GET", path, undefined, { as: null })).status).toBe(401);
  const stranger = (await newUser()).authorization;
  expect((await api("GET", path, undefined, { as: stranger })).status).toBe(403);
  const missing = await api("GET", `/repositories/${await newNamespace()}/nothing/-/pulls`);
  expect(await problem(missing)).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
});
