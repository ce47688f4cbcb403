/** Packages of npm. */
import { describe, expect, test } from "vitest";
import { isRead, names, problem, read } from "./read.ts";

const INSTALLED = "app/node_modules/lodash/package.json";

function manifest(fields: Record<string, unknown>): string {
  return JSON.stringify({ name: "lodash", version: "4.17.20", ...fields });
}

describe("npm", () => {
  test("a package is named by its manifest", async () => {
    expect(await read(INSTALLED, manifest({}))).toEqual({
      packages: [
        {
          type: "npm",
          name: "lodash",
          version: "4.17.20",
          source: null,
          arch: null,
          path: INSTALLED,
        },
      ],
      distribution: null,
    });
    expect(await names("a/node_modules/@b/c/package.json", manifest({ name: "@b/c" }))).toEqual([
      "@b/c 4.17.20",
    ]);
    expect(await names(INSTALLED, `\uFEFF${manifest({})}`)).toEqual(["lodash 4.17.20"]);
  });

  test.each([
    ["package.json", true],
    ["opt/yarn-v1.22.22/package.json", true],
    ["node_modules/a/node_modules/b/package.json", true],
    ["node_modules/a/dist/compiled/ws/package.json", true],
    ["app/package-lock.json", false],
    ["app/node_modules/.package-lock.json", false],
    ["app/my-package.json", false],
    ["app/package.json/x", false],
    ["usr/share/nodejs/lodash/package.json", false],
  ])("%s is read: %s", (path, expected) => {
    expect(isRead(path)).toBe(expected);
  });

  test("the image's own program is private, and an installed package cannot be", async () => {
    expect(await names("app/package.json", manifest({ private: true }))).toEqual([]);
    expect(await names("app/package.json", manifest({ private: "no" }))).toEqual([
      "lodash 4.17.20",
    ]);
    expect(await names(INSTALLED, manifest({ private: true }))).toEqual(["lodash 4.17.20"]);
  });

  test.each([
    [{ version: undefined }],
    [{ name: undefined }],
    [{ name: "" }],
    [{ name: "../lodash" }],
    [{ name: "a/b/c" }],
    [{ name: ["lodash"] }],
    [{ version: 4 }],
    [{ version: null }],
    [{ version: "" }],
    [{ version: "1\u0000" }],
    [{ version: "\uD800" }],
    [{ name: "a".repeat(257) }],
  ])("%j is no package", async (fields) => {
    expect(await names(INSTALLED, manifest(fields))).toEqual([]);
  });

  test("what npm installed and is broken is told; broken files of a package's tests are not", async () => {
    const inTests = "app/node_modules/resolve/test/malformed_package_json/package.json";
    for (const [text, why] of [
      ["{", "it is no JSON"],
      ["", "it is no JSON"],
      ['"lodash"', "its JSON has another shape: "],
      ["null", "its JSON has another shape: "],
      [`{"a":${"[".repeat(101)}${"]".repeat(101)}}`, "its JSON is nested more than 100 deep"],
      ["[".repeat(1_000_000), "its JSON is nested more than 100 deep"],
      [`[${"0,".repeat(250_000)}0]`, "its JSON has more than 250000 values"],
    ] as const) {
      expect(await problem(INSTALLED, text)).toContain(why);
      expect(await names(inTests, text)).toEqual([]);
    }
  });
});
