/** Which page a request comes from, and which cookies count: the rule against forged requests of other sites. */
import { describe, expect, test } from "vitest";
import { COOKIE, keepsCookie, secretIn } from "../../../src/auth/sign-in/cookie.ts";
import { type CookieUse, sessionSecret, sourceOf } from "../../../src/auth/sign-in/origin.ts";

const OWN = "https://registry.test";

type Sent = Record<string, string>;

const SOURCES: readonly [what: string, headers: Sent, source: string][] = [
  ["a page of this origin", { "sec-fetch-site": "same-origin", origin: OWN }, "own"],
  ["a read by a page of this origin", { "sec-fetch-site": "same-origin" }, "own"],
  ["the address bar", { "sec-fetch-site": "none" }, "own"],
  [
    "a form of another site",
    { "sec-fetch-site": "cross-site", origin: "https://evil.test" },
    "foreign",
  ],
  ["a link of another site", { "sec-fetch-site": "cross-site" }, "foreign"],
  ["another host of the same domain", { "sec-fetch-site": "same-site" }, "foreign"],
  // The header of the browser decides: what Origin says after it does not.
  [
    "a page that both headers tell apart",
    { "sec-fetch-site": "cross-site", origin: OWN },
    "foreign",
  ],
  ["a word that no browser sends", { "sec-fetch-site": "same-origin, none" }, "foreign"],
  ["an empty word", { "sec-fetch-site": "" }, "foreign"],
  ["an older browser, this origin", { origin: OWN }, "own"],
  ["an older browser, another site", { origin: "https://evil.test" }, "foreign"],
  ["an older browser, a page in a sandbox", { origin: "null" }, "foreign"],
  ["an older browser, another scheme", { origin: "http://registry.test" }, "foreign"],
  ["an older browser, another port", { origin: `${OWN}:8443` }, "foreign"],
  ["an older browser, a name that begins alike", { origin: `${OWN}.evil.test` }, "foreign"],
  ["an older browser, two origins", { origin: `${OWN}, https://evil.test` }, "foreign"],
  ["a program", {}, "unknown"],
  // A page can send one of these, a form cannot leave Origin out.
  ["a program that names a referrer", { referer: `${OWN}/` }, "unknown"],
];

test.each(SOURCES)("%s", (_, headers, source) => {
  expect(sourceOf(new Headers(headers), OWN)).toBe(source);
});

/** What becomes of a request with the cookie, by its source: its secret, no secret, or the refusal. */
const TABLE: readonly [use: CookieUse, Sent, Record<string, string>][] = [
  ["authenticates", {}, { own: "the cookie", foreign: "refused", unknown: "refused" }],
  [
    "authenticates",
    { authorization: "Basic eDp5" },
    { own: "nothing", foreign: "nothing", unknown: "nothing" },
  ],
  ["is replaced", {}, { own: "nothing", foreign: "refused", unknown: "nothing" }],
  [
    "is replaced",
    { authorization: "Basic eDp5" },
    { own: "nothing", foreign: "refused", unknown: "nothing" },
  ],
  ["is ignored", {}, { own: "nothing", foreign: "nothing", unknown: "nothing" }],
];

describe.each(TABLE)("where the cookie %s, with %j besides", (use, besides, wanted) => {
  test.each(SOURCES)("%s", (_, headers, source) => {
    const cookie = `${COOKIE}=the cookie`;
    expect(outcome({ ...headers, ...besides, cookie }, use)).toBe(wanted[source]);
  });
});

test("without the cookie no page is refused, but for a sign-in", () => {
  for (const [, headers, source] of SOURCES) {
    expect(outcome(headers, "authenticates")).toBe("nothing");
    expect(outcome(headers, "is ignored")).toBe("nothing");
    expect(outcome(headers, "is replaced")).toBe(source === "foreign" ? "refused" : "nothing");
  }
});

function outcome(headers: Sent, use: CookieUse): string {
  try {
    return sessionSecret(new Headers(headers), OWN, use) ?? "nothing";
  } catch (error) {
    expect(error).toMatchObject({ reason: "CROSS_ORIGIN", status: 403 });
    return "refused";
  }
}

test.each([
  ["none", null, null],
  ["another", "other=1", null],
  ["ours", `${COOKIE}=s`, "s"],
  ["ours among others", `a=1; ${COOKIE}=s; b=2`, "s"],
  ["ours with spaces", `a=1;  ${COOKIE} = s `, "s"],
  ["ours with an equals sign", `${COOKIE}=a=b`, "a=b"],
  ["ours, empty", `${COOKIE}=`, ""],
  ["a name that ends alike", `x${COOKIE}=s`, null],
  ["a name that begins alike", `${COOKIE}2=s`, null],
  ["a name in other letters", `${COOKIE.toLowerCase()}=s`, null],
  // Another host of the domain may set a cookie with a comma; that must not become a cookie of ours.
  ["ours in another one's value", `a=1, ${COOKIE}=s`, null],
  ["two of ours: the first", `${COOKIE}=s; ${COOKIE}=t`, "s"],
])("the secret in a cookie: %s", (_, cookie, secret) => {
  expect(secretIn(new Headers(cookie === null ? {} : { cookie }))).toBe(secret);
});

test.each([
  ["https://registry.test", true],
  ["https://192.0.2.1:8443", true],
  ["http://localhost:8787", true],
  ["http://127.0.0.1:8787", true],
  ["http://registry.test", false],
  ["http://192.0.2.1:8787", false],
  ["http://localhost.evil.test", false],
  ["http://127.0.0.1.nip.io", false],
])("browsers keep a cookie of %s: %s", (url, keeps) => {
  expect(keepsCookie(new URL(url))).toBe(keeps);
});
