/** ARCHITECTURE.md is true: its paths exist, features have their parts, and words that gave way do not come back. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ACTIONS } from "../../src/events/catalogue.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
const FEATURES = ["backup", "fsck", "gc", "quota", "retention", "trash"];

function filesBelow(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length + 1)),
  );
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

test("each path that ARCHITECTURE.md names exists", () => {
  const paths = [...PAGE.matchAll(/`((?:src|test|scripts|docs)\/[^`*]*)`/g)].map(
    ([, path]) => path,
  );
  expect(paths.length).toBeGreaterThan(60);
  expect(paths.filter((path) => !existsSync(join(ROOT, path ?? "")))).toEqual([]);
});

test("ARCHITECTURE.md mentions each folder of src", () => {
  const folders = readdirSync(join(ROOT, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(folders.filter((folder) => !PAGE.includes(`src/${folder}/`))).toEqual([]);
});

test.each(FEATURES)("the feature %s has its endpoints, their schemas and its SQL", (feature) => {
  const names = readdirSync(join(ROOT, "src", feature));
  expect(names).toEqual(expect.arrayContaining(["api.ts", "schema.ts"]));
  expect(names.some((name) => name.endsWith("store.ts"))).toBe(true);
});

test("SQL stands in db/ and in the features' stores", () => {
  const others = filesBelow("src")
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => !file.startsWith("src/db/") && !file.endsWith("store.ts"))
    // The readiness check asks for nothing.
    .filter((file) => /\bprepare\((?!env\.DB, "SELECT 1"\))/.test(read(file)));
  expect(others).toEqual([]);
});

test("statements have named parameters: db/sql.ts alone numbers them", () => {
  const found = filesBelow("src")
    .filter((file) => file.endsWith(".ts") && file !== "src/db/sql.ts")
    .filter((file) => /\.prepare\(|\?[1-9]\b/.test(read(file)));
  expect(found).toEqual([]);
});

test("nothing uses the words that gave way to those of the glossary", () => {
  const glossary = PAGE.slice(PAGE.indexOf("|---|---|---|", PAGE.indexOf("## Glossary")));
  const banned = [...glossary.matchAll(/^\| [^|]+ \| [^|]+ \| (\w+) \|$/gm)].map(
    ([, word]) => word,
  );
  expect(banned.length).toBeGreaterThan(10);
  const word = new RegExp(`\\b(?:${banned.join("|")})\\b`);
  const texts = ["README.md", ...filesBelow("src", "docs")].filter(
    // The dictionary has the words of others' manifests.
    (file) => !/\.(?:wasm|svg)$|manifest-dictionary/.test(file),
  );
  expect(texts.filter((file) => word.test(read(file)))).toEqual([]);
});

test("triggers record actions of the catalogue alone", () => {
  const schema = read("src/db/migrations/0001_init.sql");
  const recorded = [...schema.matchAll(/INTO audit \([^]*?END;/g)].flatMap(([statement]) =>
    [...statement.matchAll(/'([a-z]+\.[a-z.]+)'/g)].map(([, action]) => action),
  );
  expect(recorded).toEqual(["quota.warn"]);
  expect(Object.keys(ACTIONS)).toEqual(expect.arrayContaining(recorded));
});

test("each action of the catalogue is recorded somewhere", () => {
  const source = execFileSync("grep", ["-rhoE", `["'][a-z]+(\\.[a-z]+)*["']`, "src"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  const words = source.split("\n").map((word) => word.slice(1, -1));
  const unused = Object.keys(ACTIONS).filter(
    (action) => words.filter((word) => word === action).length < (action === "login" ? 1 : 2),
  );
  expect(unused).toEqual([]);
});
