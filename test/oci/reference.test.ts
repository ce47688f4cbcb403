import { expect, test } from "vitest";
import {
  isRepositoryName,
  isTag,
  parseReference,
  parseRepositoryName,
  parseTag,
  parseTarget,
} from "../../src/oci/reference.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

test.each([
  "a",
  "0",
  "library/alpine",
  "a/b/c/d",
  "a.b",
  "a_b",
  "a__b",
  "a-b",
  "a---b",
  "a.b_c__d-e/f0",
  "a".repeat(255),
])("%j is a repository's name", (name) => {
  expect(isRepositoryName(name)).toBe(true);
  expect(parseRepositoryName(name)).toBe(name);
});

test.each([
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  "A",
  "a/B",
  "-a",
  "a-",
  ".a",
  "a.",
  "_a",
  "a___b",
  "a..b",
  "a._b",
  "a.-b",
  "a b",
  "a:b",
  "a@b",
  "a\n",
  "a\0b",
  "..",
  "a/../b",
  "ä",
  "a".repeat(256),
])("%j is none", (name) => {
  expect(isRepositoryName(name)).toBe(false);
  expect(() => parseRepositoryName(name)).toThrow(
    expect.objectContaining({ code: "NAME_INVALID", status: 400 }),
  );
});

test("a hostile name is judged at once", () => {
  expect(isRepositoryName(`${"a-".repeat(127)}!`)).toBe(false);
  expect(isRepositoryName(`${"a".repeat(254)}!`)).toBe(false);
  expect(isRepositoryName("-".repeat(1_000_000))).toBe(false);
});

test.each(["latest", "v1.0", "_", "A", "0", "a.b-c_d", "a".repeat(128)])("%j is a tag", (tag) => {
  expect(isTag(tag)).toBe(true);
  expect(parseTag(tag)).toBe(tag);
  expect(parseReference(tag)).toEqual({ kind: "tag", tag });
  expect(parseTarget(tag)).toEqual({ kind: "tag", tag });
});

test.each(["", ".a", "-a", "a b", "a/b", "ä", "a\n", "a\0", "a+b", "a".repeat(129)])(
  "%j is none: reading finds nothing, writing is refused",
  (tag) => {
    expect(isTag(tag)).toBe(false);
    expect(() => parseReference(tag)).toThrow(
      expect.objectContaining({ code: "MANIFEST_UNKNOWN", status: 404 }),
    );
    expect(() => parseTarget(tag)).toThrow(
      expect.objectContaining({ code: "MANIFEST_INVALID", status: 400 }),
    );
  },
);

test("a reference with a colon is a digest, or malformed", () => {
  expect(parseReference(DIGEST)).toEqual({ kind: "digest", digest: DIGEST });
  expect(parseTarget(DIGEST)).toEqual({ kind: "digest", digest: DIGEST });
  for (const parse of [parseReference, parseTarget]) {
    expect(() => parse("sha256:x")).toThrow(
      expect.objectContaining({ code: "DIGEST_INVALID", status: 400 }),
    );
  }
});
