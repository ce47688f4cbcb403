/** The orders of versions: compared with their references, and orders at all. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import semver from "semver";
import { describe, expect, test } from "vitest";
import { compareVersions, MAX_VERSION_LENGTH } from "../../../src/scan/match/version/order.ts";
import type { PackageType } from "../../../src/scan/package.ts";
import { LADDERS } from "./ladders.ts";

const TYPES = Object.keys(LADDERS) as (keyof typeof LADDERS)[];

/** The order of two versions as a sign; -0 is 0. */
function sign(type: PackageType, a: string, b: string): number {
  return Math.sign(compareVersions(type, a, b)) + 0;
}

/** The versions of a ladder, each with its line. */
function rungs(type: keyof typeof LADDERS): { version: string; line: number }[] {
  return LADDERS[type]
    .trim()
    .split("\n")
    .flatMap((text, line) =>
      text
        .trim()
        .split(" ")
        .map((word) => ({ version: word === '""' ? "" : word, line })),
    );
}

/** Draws the same numbers for the same seed (a linear congruential generator with the constants of Numerical Recipes). */
function draw(seed: number): <T>(of: readonly T[]) => T {
  let state = seed >>> 0;
  return (of) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const item = of[Math.floor((state / 2 ** 32) * of.length)];
    if (item === undefined) throw new Error("nothing to draw from");
    return item;
  };
}

const PIECES =
  "0 1 2 3 ~ ^ . - _ + : ! a z 00 10 alpha beta rc pre SNAPSHOT final sp dev post -r1 _p 1.0 .0 v stable é -1".split(
    " ",
  );

function randomVersions(seed: number, count: number): string[] {
  const pick = draw(seed);
  return Array.from({ length: count }, () => {
    const length = pick([1, 2, 3, 4, 5, 6]);
    return pick(["", "1", "1.0", "2"]) + Array.from({ length }, () => pick(PIECES)).join("");
  });
}

describe.each(TYPES)("%s", (type) => {
  test("each pair of the ladder is in its order, both ways round", () => {
    const all = rungs(type);
    const wrong = all.flatMap((a) =>
      all
        .filter((b) => sign(type, a.version, b.version) !== Math.sign(a.line - b.line))
        .map((b) => `${a.version} ${b.version}`),
    );
    expect(wrong).toEqual([]);
    expect((all.length * (all.length - 1)) / 2).toBeGreaterThanOrEqual(300);
  });

  test("any text has a place: the order is antisymmetric and transitive", () => {
    const versions = randomVersions(19, 120);
    const wrong: string[] = [];
    for (const a of versions) {
      if (sign(type, a, a) !== 0) wrong.push(a);
      for (const b of versions) {
        if (sign(type, a, b) !== -sign(type, b, a) + 0) wrong.push(`${a} ${b}`);
      }
    }
    // An order by which a list is sorted gives each pair of the list the order of their places, and equal ones one neighbour.
    const sorted = versions.toSorted((a, b) => compareVersions(type, a, b));
    for (const [i, a] of sorted.entries()) {
      for (const b of sorted.slice(i + 1)) {
        if (sign(type, a, b) > 0) wrong.push(`${a} ${b}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("no text throws, and what is past the longest version does not count", () => {
    for (const text of ["", " ", "\0", "-", ".", "😀", "\ud800", "constructor", "__proto__"]) {
      expect(sign(type, text, text)).toBe(0);
      expect(Number.isFinite(compareVersions(type, text, "1.0"))).toBe(true);
    }
    const long = "1".repeat(MAX_VERSION_LENGTH);
    expect(sign(type, `${long}1`, `${long}2`)).toBe(0);
  });
});

describe.each(["deb", "pypi", "maven"] as const)("%s, by its own tool", (type) => {
  const lines = readFileSync(join(import.meta.dirname, `versions/${type}.tsv`), "utf8")
    .trim()
    .split("\n")
    .slice(1);

  test("the pairs that the tool compared have its order", () => {
    const wrong = lines.filter((line) => {
      const [a = "", order = "", b = ""] = line.split("\t");
      return sign(type, a, b) !== { "<": -1, "=": 0, ">": 1 }[order];
    });
    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(300);
  });
});

test("npm: 2,000 pairs have the order of node-semver", () => {
  const pick = draw(20);
  const version = () =>
    `${pick([0, 1, 10])}.${pick([0, 2, 11])}.${pick([0, 3, 9])}${pick(["", "-alpha", "-alpha.1", "-1", "-rc.10", "-rc.9", "-a.b", "-x-1"])}${pick(["", "+b"])}`;
  const pairs = Array.from({ length: 2_000 }, () => [version(), version()] as const);
  expect(pairs.filter(([a, b]) => sign("npm", a, b) !== semver.compare(a, b))).toEqual([]);
});
