/** Clair's notifications: who may send one, from where it is fetched, and how far. */
import { expect, test } from "vitest";
import {
  clairChanges,
  deleteClairNotification,
  readWebhook,
} from "../../../../src/scan/match/clair/notification.ts";
import { isOfNotifier } from "../../../../src/scan/match/clair/token.ts";
import { type Answer, stub } from "../stub.ts";
import { DIGEST, jwtOf, KEY, messageOf, optionsOf } from "./clair.ts";

const ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const PATH = `/notifier/api/v1/notification/${ID}`;
const BASE = "https://clair.example";

const NOW = new Date("2026-01-01T00:00:00Z");
const SECONDS = NOW.getTime() / 1_000;
/** As Clair's signer has them. */
const CLAIMS = { iss: "clair-notifier", iat: SECONDS, nbf: SECONDS - 60, exp: SECONDS + 60 };

test("a webhook is the notifier's with a JWT that it signed with our key", async () => {
  expect(await isOfNotifier(`Bearer ${jwtOf(CLAIMS)}`, KEY, NOW)).toBe(true);
  expect(await isOfNotifier(`bearer ${jwtOf(CLAIMS)}`, KEY, NOW)).toBe(true);
  // Its clock may be a minute off.
  const late = { ...CLAIMS, iat: SECONDS - 119, exp: SECONDS - 59 };
  expect(await isOfNotifier(`Bearer ${jwtOf(late)}`, KEY, NOW)).toBe(true);
});

test.each<[string, string | null]>([
  ["no header", null],
  ["an empty header", ""],
  ["no token", "Bearer "],
  ["Basic", `Basic ${jwtOf(CLAIMS)}`],
  ["no JWT", "Bearer a.b.c"],
  [
    "another key",
    `Bearer ${jwtOf(
      CLAIMS,
      KEY.map((byte) => byte ^ 1),
    )}`,
  ],
  ["no algorithm", `Bearer ${jwtOf(CLAIMS, KEY, "none")}`],
  ["another algorithm", `Bearer ${jwtOf(CLAIMS, KEY, "HS512")}`],
  ["another issuer", `Bearer ${jwtOf({ ...CLAIMS, iss: "clair-matcher" })}`],
  ["our own token", `Bearer ${jwtOf({ ...CLAIMS, iss: "slipway" })}`],
  ["an expired token", `Bearer ${jwtOf({ ...CLAIMS, exp: SECONDS - 61 })}`],
  ["a token for later", `Bearer ${jwtOf({ ...CLAIMS, nbf: SECONDS + 61 })}`],
  ["a token without an end", `Bearer ${jwtOf({ ...CLAIMS, exp: undefined })}`],
  ["an end that is no number", `Bearer ${jwtOf({ ...CLAIMS, exp: "never" })}`],
  ["a changed signature", `Bearer ${jwtOf(CLAIMS).slice(0, -2)}`],
  ["a list of claims", `Bearer ${jwtOf([])}`],
  ["a long token", `Bearer ${jwtOf({ ...CLAIMS, sub: "x".repeat(4_000) })}`],
])("%s is not the notifier's", async (_, header) => {
  expect(await isOfNotifier(header, KEY, NOW)).toBe(false);
});

test("a webhook names a notification at Clair's own address", () => {
  const callback = `${BASE}${PATH}`;
  expect(readWebhook({ notification_id: ID, callback }, `${BASE}/`)).toBe(callback);
  const below = `${BASE}/clair${PATH}`;
  expect(readWebhook({ notification_id: ID, callback: below }, `${BASE}/clair`)).toBe(below);
  const queried = `${BASE}${PATH}?next=1#x`;
  expect(readWebhook({ notification_id: ID, callback: queried }, BASE)).toBe(callback);
});

test.each([
  `http://clair.example${PATH}`,
  `https://clair.example:8443${PATH}`,
  `https://clair.example.evil.example${PATH}`,
  `https://evil.example${PATH}`,
  `https://clair.example@evil.example${PATH}`,
  `https://u:p@clair.example${PATH}`,
  `https://evil.example\\@clair.example${PATH}`,
  `//evil.example${PATH}`,
  PATH,
  `${BASE}/indexer/api/v1/index_report/${ID}`,
  `${BASE}${PATH}/../${ID.replace("3", "4")}`,
  `${BASE}${PATH}/x`,
  `${BASE}/notifier/api/v1/notification/`,
  `${BASE}/x?${PATH}`,
  "http://169.254.169.254/latest/meta-data",
  "data:text/plain,x",
  "",
])("the callback %s is refused", (callback) => {
  expect(readWebhook({ notification_id: ID, callback }, BASE)).toBeNull();
});

test.each([
  null,
  [],
  "",
  {},
  { notification_id: ID },
  { notification_id: 7, callback: `${BASE}${PATH}` },
  { notification_id: "", callback: `${BASE}/notifier/api/v1/notification/` },
  { notification_id: "../x", callback: `${BASE}/notifier/api/v1/notification/../x` },
  { notification_id: ID, callback: [`${BASE}${PATH}`] },
  { notification_id: ID, callback: `${BASE}/${"x".repeat(2_048)}${PATH}` },
])("the body %j is refused", (body) => {
  expect(readWebhook(body, BASE)).toBeNull();
});

const CHANGE = {
  id: ID,
  manifest: DIGEST,
  reason: "added",
  vulnerability: {
    name: "CVE-2099-0009",
    severity: "High",
    fixed_in_version: "1",
    package: { name: "openssl" },
    distribution: {},
    links: "",
  },
};

function uuidOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

test("changes are fetched page by page, each with a token", async () => {
  const { url, seen } = await stub(({ path }) => {
    const isFirst = !path.includes("next=");
    return {
      body: {
        page: { size: 500, ...(isFirst ? { next: uuidOf(1) } : {}) },
        notifications: [isFirst ? CHANGE : { ...CHANGE, reason: "removed" }],
      },
    };
  });
  const callback = readWebhook({ notification_id: ID, callback: url + PATH }, url) ?? "";
  const change = { digest: DIGEST, vulnerability: "CVE-2099-0009", severity: "high" };
  expect(await clairChanges(callback, null, optionsOf(url))).toEqual({
    changes: [
      { ...change, reason: "added" },
      { ...change, reason: "removed" },
    ],
    next: null,
  });
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `GET ${PATH}?page_size=500`,
    `GET ${PATH}?page_size=500&next=${uuidOf(1)}`,
  ]);
  for (const { headers } of seen) expect(headers.authorization).toMatch(/^Bearer [\w-]+\./);
});

test("after ten pages the caller goes on where they ended", async () => {
  const { url, seen } = await stub(() => ({
    body: { page: { size: 1, next: uuidOf(seen.length) }, notifications: [CHANGE] },
  }));
  const { changes, next } = await clairChanges(url + PATH, null, optionsOf(url));
  expect(changes).toHaveLength(10);
  expect(next).toBe(uuidOf(10));
  await clairChanges(url + PATH, next, optionsOf(url));
  expect(seen[10]?.path).toBe(`${PATH}?page_size=500&next=${uuidOf(10)}`);
});

test.each(["-1", "", "x&page_size=1", null, uuidOf(7)])(
  "the next page %j after itself is none",
  async (next) => {
    const { url, seen } = await stub(() => ({ body: { page: { next }, notifications: null } }));
    expect(await clairChanges(url + PATH, uuidOf(7), optionsOf(url))).toEqual({
      changes: [],
      next: null,
    });
    expect(seen).toHaveLength(1);
  },
);

test.each<[Answer, string]>([
  [{ status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" }, "answered with 302"],
  [{ status: 401, body: "" }, "refused the credentials"],
  [{ status: 404, body: { message: "no such notification" } }, "404: no such notification"],
  [{ body: "[]" }, "malformed at page"],
  [{ body: { page: { next: 7 } } }, "malformed at page.next"],
  [{ body: { page: {}, notifications: [{ ...CHANGE, reason: "x" }] } }, "notifications.0.reason"],
  [{ body: { page: {}, notifications: [{ ...CHANGE, manifest: {} }] } }, "0.manifest"],
])("the page %j is refused", async (answer, message) => {
  const { url, seen } = await stub(() => answer);
  expect(await messageOf(clairChanges(url + PATH, null, optionsOf(url)))).toContain(message);
  expect(seen).toHaveLength(1);
});

test("a notification is deleted, also one that is gone", async () => {
  let status = 200;
  const { url, seen } = await stub(() => ({ status, body: "" }));
  await deleteClairNotification(url + PATH, optionsOf(url));
  status = 404;
  await deleteClairNotification(url + PATH, optionsOf(url));
  status = 500;
  expect(await messageOf(deleteClairNotification(url + PATH, optionsOf(url)))).toContain("500");
  expect(seen.map(({ method, path, body }) => [method, path, body])).toEqual(
    Array.from({ length: 3 }, () => ["DELETE", PATH, null]),
  );
  for (const { headers } of seen) expect(headers.authorization).toMatch(/^Bearer [\w-]+\./);
});
