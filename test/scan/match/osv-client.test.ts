/** The client of OSV, against a server on loopback that has its two routes. */
import { expect, test } from "vitest";
import type { KeptRecord, OsvKey, OsvStore } from "../../../src/scan/match/osv/client.ts";
import { matchByOsv } from "../../../src/scan/match/osv/client.ts";
import type { Package } from "../../../src/scan/package.ts";
import { type Answer, DEBIAN, packageOf, type Seen, stub, transport } from "./stub.ts";

const MODIFIED = "2026-01-01T00:00:00Z";

interface Query {
  readonly package: { readonly name: string; readonly ecosystem: string };
  readonly version: string;
  readonly page_token?: string;
}

function nameOf({ id, modified }: OsvKey): string {
  return `${id} ${modified}`;
}

/** A store in memory, which a test may keep for several matches. */
function memory(): OsvStore {
  const kept = new Map<string, KeptRecord>();
  return {
    get: (keys) => {
      const found = keys.flatMap((key) => kept.get(nameOf(key)) ?? []);
      return Promise.resolve(new Map(found.map(({ id, record }) => [id, record])));
    },
    put: (records) => {
      for (const record of records) kept.set(nameOf(record), record);
      return Promise.resolve();
    },
  };
}

function queriesOf({ body }: Seen): readonly Query[] {
  return (body as { queries: Query[] }).queries;
}

function vulnerable(id: string, ecosystem: string, name: string, more = {}): unknown {
  const ranges = [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "9" }] }];
  return { id, modified: MODIFIED, affected: [{ package: { ecosystem, name }, ranges }], ...more };
}

/** Answers each package `p<n>` with the record `GHSA-p<n>`. */
function answerAll(request: Seen): Answer {
  if (request.path === "/v1/querybatch") {
    const results = queriesOf(request).map(({ package: { name } }) => ({
      vulns: [{ id: `GHSA-${name}`, modified: MODIFIED }],
    }));
    return { body: { results } };
  }
  const id = request.path.slice("/v1/vulns/".length);
  const body = vulnerable(id, "npm", id.slice(5), { database_specific: { severity: "HIGH" } });
  return { body };
}

function npm(count: number): readonly Package[] {
  return Array.from({ length: count }, (_, i) =>
    packageOf({ type: "npm", name: `p${i}`, version: "1.0.0" }),
  );
}

function match(
  packages: readonly Package[],
  given: { url: string; store?: OsvStore; most?: number },
) {
  const sent = transport();
  const found = matchByOsv(packages, DEBIAN, {
    ...sent,
    baseUrl: given.url,
    store: given.store ?? memory(),
    maxRequests: given.most ?? 5_000,
  });
  return { found, waits: sent.waits };
}

test("a query has the ecosystem, the source's name and its version", async () => {
  const { url, seen } = await stub(() => ({ body: { results: [{}, {}] } }));
  const packages = [
    packageOf({
      type: "deb",
      name: "libssl3",
      version: "3.0-1+b1",
      source: { name: "openssl", version: "3.0-1" },
    }),
    packageOf({ type: "deb", name: "openssl", version: "3.0-1" }),
    packageOf({ type: "golang", name: "golang.org/x/net", version: "v0.1.0" }),
  ];
  expect(await match(packages, { url }).found).toEqual([]);
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    method: "POST",
    path: "/v1/querybatch",
    body: {
      queries: [
        { package: { name: "openssl", ecosystem: "Debian:12" }, version: "3.0-1" },
        { package: { name: "golang.org/x/net", ecosystem: "Go" }, version: "0.1.0" },
      ],
    },
  });
});

test("2,500 packages are three batches, and a second match asks for no record again", async () => {
  const { url, seen } = await stub(answerAll);
  const store = memory();
  const found = await match(npm(2_500), { url, store }).found;
  expect(found).toHaveLength(2_500);
  const batches = () => seen.filter(({ path }) => path === "/v1/querybatch");
  expect(batches().map((request) => queriesOf(request).length)).toEqual([1_000, 1_000, 500]);
  expect(seen).toHaveLength(2_503);
  expect(await match(npm(2_500), { url, store }).found).toEqual(found);
  expect(seen).toHaveLength(2_506);
});

test("a record that changed is fetched again", async () => {
  let modified = MODIFIED;
  const { url, seen } = await stub((request) =>
    request.path === "/v1/querybatch"
      ? { body: { results: [{ vulns: [{ id: "GHSA-p0", modified }] }] } }
      : answerAll(request),
  );
  const store = memory();
  await match(npm(1), { url, store }).found;
  modified = "2026-02-01T00:00:00Z";
  await match(npm(1), { url, store }).found;
  expect(seen.filter(({ path }) => path === "/v1/vulns/GHSA-p0")).toHaveLength(2);
});

test("pages of a query are asked for by their token, until there is none", async () => {
  const { url, seen } = await stub((request) => {
    if (request.path !== "/v1/querybatch") return answerAll(request);
    const results = queriesOf(request).map(({ page_token: token, package: { name } }) =>
      name === "p0" && token !== "2"
        ? { vulns: [], next_page_token: token === undefined ? "1" : "2" }
        : { vulns: [{ id: `GHSA-${name}`, modified: MODIFIED }] },
    );
    return { body: { results } };
  });
  expect(await match(npm(2), { url }).found).toHaveLength(2);
  const batches = seen.filter(({ path }) => path === "/v1/querybatch").map(queriesOf);
  expect(
    batches.map((queries) =>
      queries.map(({ package: { name }, page_token: token }) => [name, token]),
    ),
  ).toEqual([
    [
      ["p0", undefined],
      ["p1", undefined],
    ],
    [["p0", "1"]],
    [["p0", "2"]],
  ]);
});

test("the severity of a distribution's record is that of its CVE, fetched once", async () => {
  const { url, seen } = await stub(({ path }) => {
    if (path === "/v1/querybatch") {
      return { body: { results: [{ vulns: [{ id: "DEBIAN-CVE-2026-1", modified: MODIFIED }] }] } };
    }
    const id = path.slice("/v1/vulns/".length);
    return id === "CVE-2026-1"
      ? {
          body: {
            id,
            modified: MODIFIED,
            severity: [{ type: "CVSS_V2", score: "AV:N/AC:L/Au:N/C:C/I:C/A:C" }],
          },
        }
      : { body: vulnerable(id, "Debian:12", "bash", { upstream: ["CVE-2026-1"] }) };
  });
  const bash = packageOf({ type: "deb", name: "bash", version: "5.2" });
  expect(await match([bash], { url }).found).toMatchObject([
    {
      id: "CVE-2026-1",
      fixedVersion: "9",
      severity: "high",
      severitySource: "CVSS 2 of CVE-2026-1",
    },
  ]);
  expect(seen.map(({ path }) => path)).toEqual([
    "/v1/querybatch",
    "/v1/vulns/DEBIAN-CVE-2026-1",
    "/v1/vulns/CVE-2026-1",
  ]);
});

test("a record that is gone is no finding, and is not asked for twice", async () => {
  const { url, seen } = await stub((request) =>
    request.path === "/v1/querybatch" ? answerAll(request) : { status: 404, body: { code: 5 } },
  );
  const store = memory();
  expect(await match(npm(1), { url, store }).found).toEqual([]);
  expect(await match(npm(1), { url, store }).found).toEqual([]);
  expect(seen.filter(({ method }) => method === "GET")).toHaveLength(1);
});

test("where requests run out there is no result, and the next call gets on with what is stored", async () => {
  const { url, seen } = await stub(answerAll);
  const store = memory();
  expect(await match(npm(10), { url, store, most: 6 }).found).toBeNull();
  expect(seen).toHaveLength(6);
  expect(await match(npm(10), { url, store, most: 6 }).found).toHaveLength(10);
  expect(seen).toHaveLength(12);
  expect(await match(npm(10), { url, store, most: 0 }).found).toBeNull();
});

test("a server that is busy is asked again when it says, three times at most", async () => {
  let busy = 2;
  const { url, seen } = await stub((request) =>
    busy-- > 0
      ? {
          status: busy === 1 ? 429 : 503,
          headers: busy === 1 ? { "retry-after": "7" } : {},
          body: "",
        }
      : answerAll(request),
  );
  const { found, waits } = match(npm(1), { url });
  expect(await found).toHaveLength(1);
  expect(waits).toEqual([7_000, 4_000]);
  expect(seen).toHaveLength(4);
  busy = Infinity;
  const again = match(npm(1), { url });
  await expect(again.found).rejects.toThrow(`${url} answered /v1/querybatch with 503`);
  expect(again.waits).toHaveLength(2);
});

test("Retry-After of a day waits half a minute", async () => {
  const { url } = await stub(() => ({
    status: 429,
    headers: { "retry-after": "86400" },
    body: "",
  }));
  const { found, waits } = match(npm(1), { url });
  await expect(found).rejects.toThrow("with 429");
  expect(waits).toEqual([30_000, 30_000]);
});

test.each([
  ["a page", { body: "<html>" }, "gave an answer to /v1/querybatch that is not OSV's"],
  [
    "too few results",
    { body: { results: [] } },
    "gave an answer to /v1/querybatch that is not OSV's",
  ],
  [
    "an id that is a path",
    { body: { results: [{ vulns: [{ id: "../../x", modified: "" }] }] } },
    "that is not OSV's",
  ],
  [
    "a redirect",
    { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" },
    "with 302",
  ],
  ["17 MiB", { body: JSON.stringify("x".repeat(17 * 1024 ** 2)) }, "longer than 16 MiB"],
])("%s is refused with what is wrong", async (_, answer: Answer, message) => {
  const { url } = await stub(() => answer);
  await expect(match(npm(1), { url }).found).rejects.toThrow(message);
});

test("another record than the one asked for is refused", async () => {
  const { url } = await stub((request) =>
    request.path === "/v1/querybatch"
      ? answerAll(request)
      : { body: vulnerable("GHSA-x", "npm", "p0") },
  );
  await expect(match(npm(1), { url }).found).rejects.toThrow("that is not OSV's");
});

test("a server that is not there is said to be out of reach, without its path", async () => {
  await expect(match(npm(1), { url: "http://127.0.0.1:1/secret" }).found).rejects.toThrow(
    "http://127.0.0.1:1 could not be reached",
  );
});
