/** What is drawn of many cases. */
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { sample, sized } from "./sample.ts";
import { SAMPLED } from "./sampled.ts";

const NUMBERS = Array.from({ length: 100 }, (_, i) => i);
const FIVE = { few: 5, many: 5 };
const isWhole = inject("sample") === "all";

let lines: unknown[] = [];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((line: unknown) => void lines.push(line));
});

afterEach(() => {
  vi.restoreAllMocks();
});

test("a draw has as many cases as were asked for, in their order, and says so", () => {
  const drawn = sample("numbers", NUMBERS, FIVE);
  expect(drawn).toHaveLength(isWhole ? 100 : 5);
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(drawn).toEqual(drawn.toSorted((a, b) => a - b));
  expect(lines).toEqual(isWhole ? [] : [`${SAMPLED}5 of 100 numbers`]);
});

test("a draw is the same whenever its name is, and another one's is another", () => {
  const drawn = sample("numbers", NUMBERS, FIVE);
  sample("others", NUMBERS, FIVE);
  expect(sample("numbers", NUMBERS, FIVE)).toEqual(drawn);
  const draws = Array.from({ length: 20 }, (_, i) => sample(`numbers ${i}`, NUMBERS, FIVE).join());
  expect(new Set(draws).size).toBeGreaterThan(isWhole ? 0 : 10);
});

test("cases that are no more than were asked for are all tried, and nothing is said", () => {
  expect(sample("numbers", NUMBERS, { few: 100 })).toEqual(NUMBERS);
  expect(sample("none", [], { few: 3 })).toEqual([]);
  expect(sized("cases", 7, 7)).toBe(7);
  expect(lines).toEqual([]);
});
