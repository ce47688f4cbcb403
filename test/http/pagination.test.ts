import { expect, test } from "vitest";
import { nextLink, parsePage } from "../../src/http/pagination.ts";

test.each([
  ["", { after: "", limit: 1_000 }],
  ["n=0", { after: "", limit: 0 }],
  ["n=7", { after: "", limit: 7 }],
  ["n=1000", { after: "", limit: 1_000 }],
  ["n=1001", { after: "", limit: 1_000 }],
  ["n=9223372036854775807", { after: "", limit: 1_000 }],
  ["n=", { after: "", limit: 1_000 }],
  ["last=x", { after: "x", limit: 1_000 }],
  ["n=2&last=a%2Fb", { after: "a/b", limit: 2 }],
])("the page of ?%s", (query, page) => {
  expect(parsePage(new URLSearchParams(query))).toEqual(page);
});

test.each(["n=-1", "n=1.0", "n=x", "n=0x1", "n=%201"])("?%s is refused", (query) => {
  expect(() => parsePage(new URLSearchParams(query))).toThrow(
    expect.objectContaining({ status: 400 }),
  );
});

test("a Link is relative and encodes what it repeats", () => {
  expect(nextLink("/v2/a/tags/list", "b c&d", { n: "5" })).toEqual({
    link: '</v2/a/tags/list?n=5&last=b+c%26d>; rel="next"',
  });
});
