import { expect, test } from "vitest";
import { faultOfTagGlob, PRESETS, showTagRules } from "../../src/oci/tag-rules.ts";

test.each([
  "v1",
  "*",
  "v*",
  "*-rc*",
  "_*",
  "V1.0_a-b",
  "v[0-9]*.[0-9]*.[0-9]*",
  "[0-9][0-9]",
  "a*b*c*d*",
  "x".repeat(50),
  ...Object.values(PRESETS).flat(),
])("%s is a glob over tags", (glob) => {
  expect(faultOfTagGlob(glob)).toBeNull();
});

test.each([
  ["", 'write a glob over tags, such as "v*" or "v[0-9]*"'],
  ["x".repeat(51), "a glob over tags has at most 50 characters"],
  ["a*b*c*d*e*", 'a glob over tags has at most 4 "*"'],
  ["*****", 'a glob over tags has at most 4 "*"'],
  ["-rc*", 'no tag begins with "-": write "*" before it'],
  [".x", 'no tag begins with ".": write "*" before it'],
])("%j is none: %s", (glob, fault) => {
  expect(faultOfTagGlob(glob)).toBe(fault);
});

test.each([
  ["v?", "?"],
  ["[a-z]", "["],
  ["[^0-9]", "["],
  ["[!0-9]", "["],
  ["[0-8]", "["],
  ["[0-9", "["],
  ["0-9]", "]"],
  ["[[0-9]", "["],
  ["[0-9]]", "]"],
  ["[0-[0-9]9]", "["],
  ["v1|v2", "|"],
  ["^v1$", "^"],
  ["v1\\d", "\\\\"],
  ["acme/app", "/"],
  ["v1:x", ":"],
  ["v 1", " "],
  ["v1\n", "\\n"],
  ["v\0", "\\u0000"],
  ["größe", "ö"],
  ["v1,v2", ","],
  ["v'", "'"],
])("%j is none: %s is in no tag, and SQLite might read more into it", (glob, stranger) => {
  expect(faultOfTagGlob(glob)).toMatch(new RegExp(`^"${RegExp.escape(stranger)}" is in no tag: `));
});

test("rules are shown in a line", () => {
  expect(showTagRules([])).toBe("");
  const rules = [
    { tags: "v*", except: ["v*-rc*", "v0*"] },
    { tags: "1.*", except: [] },
  ];
  expect(showTagRules(rules)).toBe("v* but v*-rc* v0*, 1.*");
});
