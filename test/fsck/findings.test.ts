/** The comparisons of fsck, without a registry. */
import { expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import { compareReferences, finding, unresolved } from "../../src/fsck/findings.ts";
import { ALL_KINDS } from "../../src/fsck/kinds.ts";
import { text } from "../support/images.ts";

const [A, B, C] = [text("a"), text("b"), text("c")].map(({ digest }) => digest as Digest) as [
  Digest,
  Digest,
  Digest,
];

test("say what they mean and what to do, whatever came of them", () => {
  for (const kind of ALL_KINDS) {
    const { message } = finding({ kind, subject: "x" });
    expect(message, kind).toMatch(/^[^;]+; [^;]+/);
    expect(finding({ kind, subject: "x", detail: "why" }).message).toContain(" (why)");
    expect(finding({ kind, subject: "x" }, "repaired").message).not.toContain("--repair");
  }
});

test.each([
  ["config", "config", true],
  ["config", "blob", false],
  ["config", "optional", false],
  ["config", "manifest", false],
  ["layer", "blob", true],
  ["layer", "optional", true],
  ["layer", "manifest", false],
  ["foreign", "blob", true],
  ["foreign", "optional", true],
  ["child", "manifest", true],
  ["child", "blob", true],
  ["child", "optional", true],
] as const)("a %s may be %s: %s", (kind, row, expected) => {
  const named = [{ digest: A, size: 1, kind, platform: null }];
  const rows = [{ digest: A, kind: row, target: "linked" }] as const;
  expect(compareReferences(named, rows).wrong.length === 0).toBe(expected);
});

test("rows are missing, or name what is not named", () => {
  const named = [
    { digest: A, size: 1, kind: "config", platform: null },
    { digest: A, size: 1, kind: "foreign", platform: null },
    { digest: B, size: 1, kind: "foreign", platform: "linux/amd64" },
  ] as const;
  const rows = [{ digest: C, kind: "blob", target: "linked" }] as const;
  expect(compareReferences(named, rows)).toEqual({
    wrong: [
      { digest: A, kinds: ["config", "blob", "optional"], foreign: false, platform: null },
      { digest: B, kinds: ["blob", "optional"], foreign: true, platform: "linux/amd64" },
    ],
    extra: [C],
  });
});

test.each([
  ["live", "blob", "linked", true],
  ["live", "blob", "trashed", false],
  ["live", "blob", "stored", false],
  ["live", "blob", "nothing", false],
  ["deleted", "blob", "linked", true],
  ["deleted", "blob", "trashed", true],
  ["deleted", "blob", "stored", false],
  ["live", "manifest", "live", true],
  ["live", "manifest", "deleted", false],
  ["live", "manifest", "nothing", false],
  ["deleted", "manifest", "deleted", true],
  ["deleted", "manifest", "nothing", true],
  ["live", "optional", "nothing", true],
] as const)("a %s manifest's %s that is %s resolves: %s", (parent, kind, target, expected) => {
  expect(unresolved(parent, [{ digest: A, kind, target }]).length === 0).toBe(expected);
});
