/** Tables, kinds of manifests and near misses, as far as no registry is needed for them. */
import { describe, expect, test } from "vitest";
import { OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";
import { kindOf } from "../../src/cli/kind.ts";
import { closest } from "../../src/oci/near.ts";
import {
  ago,
  counted,
  digestColumn,
  platformsColumn,
  shortDigest,
  size,
} from "../../src/cli/output.ts";
import { copyable, laidOut } from "../../src/cli/sentence.ts";
import { type Columns, details, table } from "../../src/cli/table.ts";
import { truncated, widthOf } from "../../src/cli/text-width.ts";

const DIGEST = `sha256:1a2b3c4d5e6f${"0".repeat(52)}`;

interface Row {
  readonly name: string;
  readonly digest: string;
}

const COLUMNS: Columns<Row> = {
  NAME: ({ name }) => name,
  DIGEST: digestColumn(({ digest }) => digest),
  ADDRESS: { value: () => "127.0.0.1", isDetail: true },
  OUTCOME: { value: () => "denied", style: () => "red" },
};
const ROWS = [
  { name: "a-name-that-is-much-too-long-for-that", digest: DIGEST },
  { name: "b", digest: DIGEST },
];

describe("a table", () => {
  test("that is narrower than the terminal stays as it is", () => {
    const view = { width: 80, isColoured: false };
    expect(table(ROWS, COLUMNS, view).text.split("\n")).toEqual([
      "NAME                                   DIGEST               OUTCOME",
      "a-name-that-is-much-too-long-for-that  sha256:1a2b3c4d5e6f  denied",
      "b                                      sha256:1a2b3c4d5e6f  denied",
    ]);
  });

  test("that is wider is cut to the terminal, but never within a digest", () => {
    const { text } = table(ROWS, COLUMNS, { width: 50, isColoured: false });
    expect(text.split("\n")).toEqual([
      "NAME                  DIGEST               OUTCOME",
      "a-name-that-is-much…  sha256:1a2b3c4d5e6f  denied",
      "b                     sha256:1a2b3c4d5e6f  denied",
    ]);
    const narrow = table(ROWS, COLUMNS, { width: 1, isColoured: false });
    expect(narrow.text).toContain("\na-name-…  sha256:1a2b3c4d5e6f  denied\n");
  });

  test("without a width has everything whole", () => {
    const [title, row] = table(ROWS, COLUMNS).text.split("\n");
    expect(title).toMatch(/^NAME +DIGEST +ADDRESS +OUTCOME$/);
    expect(row).toBe(`${ROWS[0]?.name}  ${DIGEST}  127.0.0.1  denied`);
  });

  test("has colours only where they are wanted", () => {
    const coloured = table(ROWS, COLUMNS, { width: 80, isColoured: true }).text;
    expect(coloured).toContain("\u001B[31mdenied\u001B[39m");
    expect(coloured).toContain("\u001B[1mNAME");
    expect(table(ROWS, COLUMNS, { width: 80, isColoured: false }).text).not.toContain("\u001B");
  });

  test("is aligned by what a terminal shows of other scripts and emoji", () => {
    const rows = ["漢字", "é", "👍"].map((name) => ({ name, digest: DIGEST }));
    const lines = table(rows, COLUMNS, { width: 80, isColoured: false }).text.split("\n");
    const ends = lines.slice(1).map((line) => widthOf(line.slice(0, line.indexOf("sha256"))));
    expect(new Set(ends)).toEqual(new Set([6]));
    expect(truncated("漢字漢字", 5)).toBe("漢字…");
  });
});

test("details are wrapped below their value", () => {
  const values = { scopes: "push acme/app; pull base/images; pull more/images", empty: "" };
  expect(details(values, { width: 30, isColoured: false }).text).toBe(
    "scopes  push acme/app; pull\n        base/images; pull\n        more/images",
  );
  expect(details(values).text).toBe(`scopes  ${values.scopes}`);
});

describe("the kind of a manifest", () => {
  const image = "application/vnd.oci.image.config.v1+json";
  const none: readonly string[] = [];

  test.each([
    [OCI_MANIFEST, null, none, "image"],
    [OCI_MANIFEST, image, none, "image"],
    [OCI_INDEX, null, none, "index"],
    [OCI_MANIFEST, "application/vnd.cncf.helm.config.v1+json", none, "chart"],
    [OCI_MANIFEST, "application/spdx+json", none, "sbom"],
    [OCI_MANIFEST, "application/vnd.cyclonedx+json", none, "sbom"],
    [OCI_MANIFEST, "application/vnd.in-toto+json", none, "attestation"],
    [OCI_MANIFEST, "application/vnd.cncf.notary.signature", none, "signature"],
    [OCI_MANIFEST, "application/vnd.dev.cosign.artifact.sig.v1+json", none, "signature"],
    [OCI_MANIFEST, image, [`sha256-${"0".repeat(64)}.sig`], "signature"],
    [OCI_MANIFEST, image, [`sha256-${"0".repeat(64)}.att`], "attestation"],
    [OCI_MANIFEST, image, [`sha256-${"0".repeat(64)}.sbom`], "sbom"],
    [OCI_MANIFEST, "application/vnd.example.thing", none, "artifact"],
    [OCI_ARTIFACT, null, none, "artifact"],
    ["application/json", null, none, "artifact"],
  ])("of type %s and %s with the tags %j is %s", (mediaType, artifactType, tags, kind) => {
    expect(kindOf({ mediaType, artifactType, tags })).toBe(kind);
  });
});

describe("the closest word", () => {
  test.each([
    ["acem", ["acme", "base"], "acme"],
    ["semver2", ["semver", "all", "none"], "semver"],
    ["semvr", ["semver", "all", "none"], "semver"],
    ["al", ["semver", "all", "none"], "all"],
    ["bogus", ["semver", "all", "none"], null],
    ["latest", ["semver", "all", "none"], null],
    ["v1", ["all", "none"], null],
    ["acme", [], null],
  ])("to %s of %j is %s", (word, known, near) => {
    expect(closest(word, known)).toBe(near);
  });
});

test("what the registry does not count is said to be so", () => {
  expect([counted(null), counted(0), size(null), size(0)]).toEqual([
    "more than 10,000",
    "0",
    "not counted",
    "0 B",
  ]);
});

test("a digest is short enough for a table, and long enough to be one", () => {
  expect(shortDigest(DIGEST)).toBe("sha256:1a2b3c4d5e6f");
});

test.each([
  ["2026-11-30T12:00:00Z", "just now"],
  ["2026-11-30T11:15:00Z", "45 min ago"],
  ["2026-11-30T01:00:00Z", "11 h ago"],
  ["2026-11-01T12:00:00Z", "29 d ago"],
  ["2026-01-31T12:00:00Z", "2026-01-31"],
])("%s was %s", (time, age) => {
  expect(ago(time, Date.parse("2026-11-30T12:00:30Z"))).toBe(age);
});

describe("sentences", () => {
  test("are broken between words, and go on below where they begin", () => {
    expect(laidOut("one two three\n  four five six", 10)).toBe(
      ["one two", "three", "  four", "    five", "    six"].join("\n"),
    );
    expect(laidOut("one two three", null)).toBe("one two three");
  });

  test("keep their commands, and lines to be pasted, whole", () => {
    const command = copyable("slipway tag list acme/app");
    expect(laidOut(`see ${command} for more`, 12)).toBe(
      ["see", "slipway tag list acme/app", "for more"].join("\n"),
    );
    expect(laidOut(copyable("  - run: echo $TOKEN\n  - more"), 8)).toBe(
      "  - run: echo $TOKEN\n  - more",
    );
    expect(laidOut(command, null)).toBe("slipway tag list acme/app");
  });
});

test("a terminal shows one platform and how many more there are, a pipe all of them", () => {
  const column = { PLATFORMS: platformsColumn<{ readonly platforms: readonly string[] }>() };
  const items = [{ platforms: ["linux/amd64", "linux/arm64", "linux/arm/v7"] }, { platforms: [] }];
  const view = { width: 80, isColoured: false };
  expect(table(items, column, view).text.split("\n")).toEqual(["PLATFORMS", "linux/amd64 +2", ""]);
  expect(table(items, column).text).toContain("linux/amd64,linux/arm64,linux/arm/v7");
});
