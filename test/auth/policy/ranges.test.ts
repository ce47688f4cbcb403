import { expect, test } from "vitest";
import {
  type Actor,
  anonymous,
  covers,
  may,
  type Scope,
  scopeGrants,
} from "../../../src/auth/policy/access.ts";
import {
  intersect,
  namesAfter,
  rangesFor,
  rangesOf,
  reachOf,
} from "../../../src/auth/policy/ranges.ts";
import { random } from "../../support/images.ts";

function lies(name: string, ranges: readonly { from: string; to: string }[]): boolean {
  return ranges.some(({ from, to }) => from <= name && name <= to);
}

const NAMES = ["a", "a-b", "a.b", "a/a", "a/b", "a/b/c", "ab", "ab/c", "b", "b/a", "z9/z"];
const PATTERNS = ["*", "a", "a*", "a/*", "a/b", "a/b*", "a/*c", "*b", "ab*", "a*/b", "b/*", "z*z"];

function pulling(patterns: readonly string[]): Scope[] {
  return patterns.map((repositories) => ({ repositories, actions: ["pull"] }));
}

test.each(PATTERNS)("every name that %s covers lies in its ranges", (pattern) => {
  for (const name of NAMES.filter((each) => covers(pattern, each))) {
    expect(lies(name, rangesOf(pattern)), name).toBe(true);
  }
});

test.each([
  ["a/*", ["a", "a/a", "a/b", "a/b/c"]],
  ["a/b", ["a/b"]],
  ["a*", ["a", "a-b", "a.b", "a/a", "a/b", "a/b/c", "ab", "ab/c"]],
])("no other name lies in those of %s", (pattern, expected) => {
  expect(NAMES.filter((name) => lies(name, rangesOf(pattern)))).toEqual(expected);
});

test("what an actor may pull lies in its ranges, which are sorted and apart", () => {
  const next = random(7);
  const some = () => pulling(PATTERNS.filter(() => next() % 4 === 0));
  for (let i = 0; i < 300; i++) {
    const limits = next() % 2 === 0 ? null : scopeGrants(some());
    const actor: Actor = { ...anonymous(false), name: "x", grants: scopeGrants(some()), limits };
    const ranges = rangesFor(actor, "pull");
    for (const name of NAMES.filter((each) => may(actor, "pull", each))) {
      expect(lies(name, ranges), `${name} ${JSON.stringify(actor)}`).toBe(true);
    }
    const { sure, sparse } = reachOf(actor, "pull");
    for (const name of NAMES) {
      const mayPull = may(actor, "pull", name);
      if (lies(name, sure)) expect(mayPull, `${name} ${JSON.stringify(actor)}`).toBe(true);
      if (mayPull) expect(lies(name, [...sure, ...sparse]), name).toBe(true);
    }
    const bounds = ranges.flatMap(({ from, to }) => [from, to]);
    expect(bounds).toEqual(bounds.toSorted());
    expect(new Set(ranges.map(({ to }) => to)).size).toBe(ranges.length);
  }
});

test.each(NAMES)("after %s come the names that sort after it, and not itself", (name) => {
  const after = NAMES.filter((each) => lies(each, intersect(rangesOf("*"), namesAfter(name))));
  expect(after).toEqual(NAMES.filter((each) => each > name));
});

test("limits narrow the ranges, so that what they leave out is not even looked at", () => {
  const grants = scopeGrants(pulling(["a/*", "b/*"]));
  const limits = scopeGrants(pulling(["a/b*"]));
  const actor: Actor = { ...anonymous(false), name: "x", grants, limits };
  expect(rangesFor(actor, "pull")).toEqual([{ from: "a/b", to: "a/b~" }]);
  expect(rangesFor({ ...actor, limits: scopeGrants(pulling(["c/*"])) }, "pull")).toEqual([]);
});
