import { expect, test } from "vitest";
import { compareVersions, parseVersion } from "../../src/oci/semver.ts";
import { versionKey } from "../../src/oci/version-key.ts";

function sorted(tags: readonly string[]): string[] {
  return tags.toSorted((a, b) => (versionKey(a) < versionKey(b) ? -1 : 1));
}

test("tags sort as people read them, versions last", () => {
  const expected = [
    "build9",
    "build10",
    "latest",
    "sha-1a2b",
    "0.9",
    "v0.0.91".replace("0.0.91", "0.9.1"),
    "1",
    "1.2-alpine3.9",
    "1.2-alpine3.18",
    "1.2",
    "1.2.3-rc.9",
    "1.2.3-rc.10",
    "v1.2.3",
    "1.10.0",
    "1.10.0.1",
    "2.0.0-alpine",
    "20240101",
  ];
  expect(sorted(expected.toReversed())).toEqual(expected);
});

test("v0.0.106 comes after v0.0.91", () => {
  expect(sorted(["v0.0.106", "v0.0.91"])).toEqual(["v0.0.91", "v0.0.106"]);
});

test("versions sort by semver.org's precedence: each pair of a few thousand", () => {
  const parts = ["0", "1", "9", "10", "99999999999999999999"];
  const ends = ["", "-0", "-9", "-10", "-a", "-a.1", "-a-b", "-a.b", "-ab", "-a1", "-A", "-a.1.0"];
  const versions = parts.flatMap((major) =>
    parts.flatMap((minor) => ends.map((end) => `${major}.${minor}.0${end}`)),
  );
  for (const a of versions) {
    for (const b of versions) {
      const [first, second] = [parseVersion(a), parseVersion(b)];
      if (first === null || second === null) throw new Error(`${a} or ${b} is no version`);
      const [left, right] = [versionKey(a), versionKey(b)];
      const order = left < right ? -1 : left > right ? 1 : 0;
      expect([a, b, order]).toEqual([a, b, Math.sign(compareVersions(first, second))]);
    }
  }
});
