import { describe, expect, test } from "vitest";
import {
  compareVersions,
  formatVersion,
  parseVersion,
  type Version,
} from "../../src/oci/semver.ts";
import { quickest } from "../support/waits.ts";

function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === null) throw new Error(`${text} is no version`);
  return parsed;
}

// semver.org, point 11, each higher than the one before.
const ASCENDING = [
  "0.0.0-0",
  "0.0.0",
  "0.0.4",
  "1.0.0-0.3.7",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0-x-y-z.--",
  "1.0.0",
  "v1.2.0",
  "1.10.0",
  "1.10.1-99999999999999999999998",
  "1.10.1-99999999999999999999999",
  "1.10.1-a",
  "2.0.0",
  "2.1.0",
  "2.1.1",
  "99999999999999999999998.0.0",
  "99999999999999999999999.0.0",
  "100000000000000000000000.0.0",
];

test("versions in the order of their precedence", () => {
  const shuffled = ASCENDING.toSorted((a, b) => (a.split("").toReversed().join() < b ? -1 : 1));
  expect(shuffled.toSorted((a, b) => compareVersions(version(a), version(b)))).toEqual(ASCENDING);
  for (const [i, lower] of ASCENDING.entries()) {
    for (const higher of ASCENDING.slice(i + 1)) {
      expect(compareVersions(version(lower), version(higher)), `${lower} ${higher}`).toBeLessThan(
        0,
      );
      expect(
        compareVersions(version(higher), version(lower)),
        `${lower} ${higher}`,
      ).toBeGreaterThan(0);
    }
  }
});

test.each([
  ["v1.2.3", "1.2.3"],
  ["1.2.3+build.7", "1.2.3"],
  // Helm writes the version like this in a tag.
  ["1.2.3_build.7", "1.2.3"],
  ["v1.2.3-rc.1_sha.5114f85", "1.2.3-rc.1"],
  ["1.2.3-0a", "1.2.3-0a"],
])("%s is as high as %s", (text, same) => {
  expect(compareVersions(version(text), version(same))).toBe(0);
  expect(formatVersion(version(text))).toBe(same);
});

describe("what is no version", () => {
  test.each([
    "",
    "latest",
    "1",
    "1.2",
    "v1.2",
    "1.2.3.4",
    "01.2.3",
    "1.02.3",
    "1.2.03",
    "1.2.3-",
    "1.2.3-01",
    "1.2.3-rc..1",
    "vv1.2.3",
    "V1.2.3",
    "release-1.2.3",
    "1.2.x",
    " 1.2.3",
    "1.2.3\n",
    "-1.2.3",
  ])("%j", (text) => {
    expect(parseVersion(text)).toBeNull();
  });
});

function parseLong(length: number): void {
  for (let i = 0; i < 100; i++) {
    for (const text of [
      `1.2.3-${"0".repeat(length)}!`,
      `1.2.3-${"0a.".repeat(length / 3)}`,
      "1".repeat(length),
    ]) {
      expect(parseVersion(text)).toBeNull();
    }
  }
}

test("a tag of 120 characters takes hardly more than four times as long as one of 30", async () => {
  const [short, long] = await quickest(
    () => parseLong(30),
    () => parseLong(120),
  );
  expect(long).toBeLessThan(8 * short + 100);
});
