import { expect, test } from "vitest";
import { matches } from "../../src/oci/glob.ts";
import { quickest } from "../support/waits.ts";

test.each([
  ["acme/app", "acme/app"],
  ["*", ""],
  ["*", "acme/app/web"],
  ["acme/*", "acme/app"],
  ["acme/*", "acme/app/web"],
  ["acme/*", "acme/"],
  ["*/app", "acme/team/app"],
  ["a*c", "ac"],
  ["a*b*c", "a-b-b-c"],
  ["*app*", "acme/app/web"],
  ["**", "anything"],
])("%j matches %j: a star crosses every slash, and may stand for nothing", (pattern, text) => {
  expect(matches(pattern, text)).toBe(true);
});

test.each([
  ["", "a"],
  ["acme", "acme/app"],
  ["acme/*", "acme"],
  ["acme/*", "acmes/app"],
  ["*/app", "app"],
  ["acme/*/web", "acme/web"],
  // The ends of a pattern do not share characters.
  ["ab*ba", "aba"],
  ["a*aa*a", "aaa"],
  ["*ab", "abc"],
  ["a*b*c", "a-c-b"],
])("%j does not match %j", (pattern, text) => {
  expect(matches(pattern, text)).toBe(false);
});

test.each([".", "?", "[a-z]", "(a|b)", "a+", "\\w", "^a$", "a.c"])(
  "%j is itself and nothing else: only the star is special",
  (pattern) => {
    expect(matches(pattern, pattern)).toBe(true);
    expect(matches(pattern, "a")).toBe(false);
    expect(matches(pattern, "abc")).toBe(false);
  },
);

function decide(stars: number): void {
  const pattern = `${"a*".repeat(stars)}b`;
  for (let i = 0; i < 1_000; i++) expect(matches(pattern, "a".repeat(255))).toBe(false);
}

test("a pattern of 120 stars takes hardly more than four times as long as one of 30", async () => {
  const [few, many] = await quickest(
    () => decide(30),
    () => decide(120),
  );
  expect(many).toBeLessThan(8 * few + 100);
});

test("the leftmost search finds what any search would find", () => {
  const letters = ["a", "b", "*", "/"];
  const words = (length: number): string[] =>
    length === 0
      ? [""]
      : words(length - 1).flatMap((word) => ["", ...letters].map((letter) => word + letter));
  const patterns = [...new Set(words(4))];
  const texts = [...new Set(words(5))].filter((text) => !text.includes("*"));
  for (const pattern of patterns) {
    const regex = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
    for (const text of texts) {
      if (matches(pattern, text) !== regex.test(text)) expect.fail(`${pattern} on ${text}`);
    }
  }
});
