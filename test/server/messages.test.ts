/** The console's texts: each key is there in each language, and no text stands in the code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const CONSOLE = join(import.meta.dirname, "../../src/console");
const MESSAGES = join(CONSOLE, "messages");
const [ENGLISH, ...OTHERS] = ["en", "de"] as const;
const FILES = readdirSync(join(MESSAGES, ENGLISH));

type Texts = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

function read(language: string, file: string): Texts {
  return JSON.parse(readFileSync(join(MESSAGES, language, file), "utf8")) as Texts;
}

/** The values that a text takes: "{count} tags" takes count. */
function valuesOf(text: Texts[string] | undefined): string[] {
  const all = typeof text === "object" ? Object.values(text).join(" ") : (text ?? "");
  return [...new Set([...all.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""))].toSorted();
}

const SOURCES = readdirSync(CONSOLE, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => [file, readFileSync(join(CONSOLE, file), "utf8")] as const);

test.each(OTHERS.flatMap((language) => FILES.map((file) => [language, file] as const)))(
  "%s/%s has the keys of the English texts, in order, with the same values",
  (language, file) => {
    const [english, other] = [read(ENGLISH, file), read(language, file)];
    expect(Object.keys(other)).toEqual(Object.keys(english));
    expect(Object.keys(english)).toEqual(Object.keys(english).toSorted());
    for (const [key, text] of Object.entries(english)) {
      expect(valuesOf(other[key]), key).toEqual(valuesOf(text));
      expect(typeof other[key], key).toBe(typeof text);
    }
  },
);

test("no two files have the same key, and each key is used", () => {
  const keys = FILES.flatMap((file) => Object.keys(read(ENGLISH, file)));
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  const code = SOURCES.map(([, text]) => text).join("\n");
  expect(keys.filter((key) => !new RegExp(`["'\`]${key}["'\`]`).test(code))).toEqual([]);
});

test("no element has a text of its own", () => {
  const found = SOURCES.filter(([file]) => file.endsWith(".tsx")).flatMap(([file, text]) =>
    [...text.matchAll(/<\/?[a-zA-Z][^<>]*>\s*([A-Za-z][A-Za-z ,.]+[a-z])\s*(?=<|\{)/g)]
      .map(([, words]) => words ?? "")
      .filter((words) => words !== "Slipway" && words !== "Ctrl K")
      .map((words) => `${file}: ${words}`),
  );
  expect(found).toEqual([]);
});
