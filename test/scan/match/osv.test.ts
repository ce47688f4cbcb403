/** What records of OSV hold for, and as what findings they are shown. */
import { expect, test } from "vitest";
import { affects } from "../../../src/scan/match/osv/affects.ts";
import { ecosystemOf, subjectsOf } from "../../../src/scan/match/osv/ecosystem.ts";
import { findingsOf } from "../../../src/scan/match/osv/findings.ts";
import { type OsvRecord, parseRecord } from "../../../src/scan/match/osv/record.ts";
import type { PackageType } from "../../../src/scan/package.ts";
import { ALPINE, DEBIAN, packageOf } from "./stub.ts";

function record(given: Record<string, unknown>): OsvRecord {
  const parsed = parseRecord({ id: "GHSA-1", modified: "2026-01-01T00:00:00Z", ...given });
  if (parsed === null) throw new Error("the test's record is none");
  return parsed;
}

function lodash(ranges: unknown[], more: Record<string, unknown> = {}): OsvRecord {
  return record({ affected: [{ package: { ecosystem: "npm", name: "lodash" }, ranges, ...more }] });
}

function semverRange(...events: Record<string, string>[]): unknown {
  return { type: "SEMVER", events };
}

function openssl(ecosystem: string, name: string): OsvRecord {
  const events = [{ introduced: "0" }, { fixed: "3.1.4-r5" }];
  return record({
    affected: [{ package: { ecosystem, name }, ranges: [{ type: "ECOSYSTEM", events }] }],
  });
}

function requests(id: string, aliases: string[], fixed: string, more = {}): OsvRecord {
  const ranges = [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed }] }];
  const affected = [{ package: { ecosystem: "PyPI", name: "requests" }, ranges }];
  return record({ id, aliases, affected, ...more });
}

function hits(of: OsvRecord, version: string): string | null | false {
  const effect = affects(of, packageOf({ type: "npm", name: "lodash", version }), null);
  return effect === null ? false : effect.fixedVersion;
}

const vector = (severity: "H" | "L") =>
  `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:${severity}/I:${severity}/A:${severity}`;

test("a range holds from introduced to before fixed, and the fixed version is that of the range", () => {
  const twice = lodash([
    semverRange(
      { introduced: "0" },
      { fixed: "1.2.0" },
      { introduced: "2.0.0" },
      { fixed: "2.1.0" },
    ),
  ]);
  expect(["0.0.0-a", "0.0.1", "1.1.9", "1.2.0-rc1"].map((version) => hits(twice, version))).toEqual(
    Array(4).fill("1.2.0"),
  );
  expect(["1.2.0", "1.9.9", "2.0.0-rc1", "2.1.0"].map((version) => hits(twice, version))).toEqual(
    Array(4).fill(false),
  );
  expect(hits(twice, "2.0.5")).toBe("2.1.0");
});

test("the order of a record's events does not count", () => {
  const mixed = lodash([semverRange({ fixed: "1.2.0" }, { introduced: "1.0.0" })]);
  expect([hits(mixed, "1.1.0"), hits(mixed, "1.2.0"), hits(mixed, "0.9.0")]).toEqual([
    "1.2.0",
    false,
    false,
  ]);
});

test("a last affected version is affected itself, and no version is known to be fixed", () => {
  const last = lodash([semverRange({ introduced: "1.0.0" }, { last_affected: "1.5.0" })]);
  expect([hits(last, "1.5.0"), hits(last, "1.5.1"), hits(last, "0.9.0")]).toEqual([
    null,
    false,
    false,
  ]);
});

test("a limit ends a range, and a star does not", () => {
  const limited = lodash([semverRange({ introduced: "0" }, { limit: "2.0.0" })]);
  expect([hits(limited, "1.9.0"), hits(limited, "2.0.0")]).toEqual([null, false]);
  expect(hits(lodash([semverRange({ introduced: "0" }, { limit: "*" })]), "9.0.0")).toBe(null);
});

test("a listed version is affected without a range, and commits say nothing of versions", () => {
  const listed = lodash([{ type: "GIT", events: [{ introduced: "0" }] }], { versions: ["1.0.0"] });
  expect([hits(listed, "1.0.0"), hits(listed, "1.0.1")]).toEqual([null, false]);
});

test("a withdrawn record, another package and another ecosystem hold for nothing", () => {
  const range = semverRange({ introduced: "0" });
  expect(hits({ ...lodash([range]), withdrawn: "2026-01-01T00:00:00Z" }, "1.0.0")).toBe(false);
  const other = (ecosystem: string, name: string) =>
    record({ affected: [{ package: { ecosystem, name }, ranges: [range] }] });
  expect(hits(other("npm", "lodash-es"), "1.0.0")).toBe(false);
  expect(hits(other("PyPI", "lodash"), "1.0.0")).toBe(false);
  expect(hits(record({}), "1.0.0")).toBe(false);
});

test("distributions are matched by release, source package and its version", () => {
  const libcrypto = packageOf({
    type: "apk",
    name: "libcrypto3",
    version: "3.1.4-r0",
    source: { name: "openssl", version: "3.1.4-r0" },
  });
  expect(affects(openssl("Alpine:v3.19", "openssl"), libcrypto, ALPINE)?.fixedVersion).toBe(
    "3.1.4-r5",
  );
  expect(affects(openssl("Alpine:v3.18", "openssl"), libcrypto, ALPINE)).toBeNull();
  expect(affects(openssl("Alpine:v3.19", "libcrypto3"), libcrypto, ALPINE)).toBeNull();
  expect(affects(openssl("Debian:12", "openssl"), libcrypto, DEBIAN)).toBeNull();
  expect(affects(openssl("Alpine:v3.19", "openssl"), libcrypto, null)).toBeNull();
});

test("rpm packages are matched by their own name and by their source's, each with its version", () => {
  const bind = packageOf({
    type: "rpm",
    name: "bind-libs",
    version: "32:9.11.36-3.el8",
    source: { name: "bind", version: "32:9.11.36-3.el8" },
  });
  const alma = { id: "almalinux", version: "8.9", name: "" };
  expect(subjectsOf(bind, alma).map(({ ecosystem, name }) => [ecosystem, name])).toEqual([
    ["AlmaLinux:8", "bind-libs"],
    ["AlmaLinux:8", "bind"],
  ]);
});

test.each([
  ["apk", "alpine", "3.19.1", "Alpine:v3.19"],
  ["apk", "alpine", "3.9", "Alpine:v3.9"],
  ["apk", "alpine", "3.21.0_alpha20240923", null],
  ["apk", "wolfi", "20230201", "Wolfi"],
  ["deb", "debian", "12", "Debian:12"],
  ["deb", "debian", "", null],
  ["deb", "ubuntu", "22.04", "Ubuntu:22.04:LTS"],
  ["deb", "ubuntu", "23.10", "Ubuntu:23.10"],
  ["deb", "ubuntu", "23.04", "Ubuntu:23.04"],
  ["rpm", "rocky", "9.3", "Rocky Linux:9"],
  ["rpm", "almalinux", "9.3", "AlmaLinux:9"],
  ["rpm", "sles", "15.5", "SUSE:Linux Enterprise Server 15 SP5"],
  ["rpm", "opensuse-leap", "15.5", "openSUSE:Leap 15.5"],
  ["rpm", "amzn", "2023", null],
  ["deb", "alpine", "3.19", null],
  ["pypi", "alpine", "3.19", "PyPI"],
] as const)("%s packages of %s %s are in the ecosystem %s", (type, id, version, ecosystem) => {
  expect(ecosystemOf(type, { id, version, name: "" })).toBe(ecosystem);
});

test.each<[PackageType, string, string, { name: string; version: string }]>([
  ["pypi", "Foo_Bar.baz", "1", { name: "foo-bar-baz", version: "1" }],
  ["golang", "stdlib", "go1.21.3", { name: "stdlib", version: "1.21.3" }],
  ["golang", "golang.org/x/net", "v0.1.0", { name: "golang.org/x/net", version: "0.1.0" }],
  ["composer", "Symfony/Http", "v1.0", { name: "symfony/http", version: "v1.0" }],
  ["maven", "org.a:b", "1", { name: "org.a:b", version: "1" }],
])("the %s package %s %s is known as %o", (type, name, version, known) => {
  expect(subjectsOf(packageOf({ type, name, version }), null)).toMatchObject([known]);
});

test("GHSA, CVE and PYSEC of one vulnerability are one finding by the CVE's id", () => {
  const pkg = packageOf({ type: "pypi", name: "requests", version: "2.28.1" });
  const records = [
    requests("PYSEC-2023-74", ["CVE-2023-32681"], "2.30.0"),
    requests("GHSA-other", [], "2.29.0", { database_specific: { severity: "MODERATE" } }),
    requests("GHSA-j8r2", ["CVE-2023-32681"], "2.31.0", {
      summary: "Leak of a header\nof proxies",
      severity: [{ type: "CVSS_V3", score: vector("L") }],
      database_specific: { severity: "LOW" },
    }),
  ];
  const found = findingsOf(pkg, null, records, new Map());
  expect(found).toHaveLength(2);
  expect(found).toContainEqual({
    id: "CVE-2023-32681",
    aliases: ["GHSA-j8r2", "PYSEC-2023-74"],
    package: pkg,
    fixedVersion: "2.31.0",
    severity: "high",
    severitySource: "CVSS 3.1 of GHSA-j8r2",
    url: "https://osv.dev/vulnerability/CVE-2023-32681",
    summary: "Leak of a header",
  });
  expect(found).toContainEqual(
    expect.objectContaining({ id: "GHSA-other", severity: "medium", severitySource: "GHSA-other" }),
  );
});

test("a distribution's record has the id and the CVSS of its CVE, unless it rates it itself", () => {
  const bash = packageOf({ type: "deb", name: "bash", version: "5.2.15-2" });
  const debian = (urgency: string) =>
    record({
      id: "DEBIAN-CVE-2026-1",
      upstream: ["CVE-2026-1"],
      affected: [
        {
          package: { ecosystem: "Debian:12", name: "bash" },
          ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }] }],
          ecosystem_specific: { urgency },
        },
      ],
    });
  const cve = record({ id: "CVE-2026-1", severity: [{ type: "CVSS_V3", score: vector("H") }] });
  const known = new Map([[cve.id, cve]]);
  expect(findingsOf(bash, DEBIAN, [debian("not yet assigned")], known)).toMatchObject([
    {
      id: "CVE-2026-1",
      aliases: ["DEBIAN-CVE-2026-1"],
      fixedVersion: null,
      severity: "critical",
      severitySource: "CVSS 3.1 of CVE-2026-1",
    },
  ]);
  expect(findingsOf(bash, DEBIAN, [debian("unimportant")], known)).toMatchObject([
    { severity: "negligible", severitySource: "Debian" },
  ]);
  expect(findingsOf(bash, DEBIAN, [debian("")], new Map())).toMatchObject([
    { severity: "unknown", severitySource: null },
  ]);
});

test("an advisory of several CVEs keeps its own id, and names them", () => {
  const kernel = packageOf({ type: "rpm", name: "kernel", version: "0:5.14.0-1.el9" });
  const advisory = record({
    id: "RLSA-2026:1",
    upstream: ["CVE-2026-1", "CVE-2026-2"],
    affected: [
      {
        package: { ecosystem: "Rocky Linux:9", name: "kernel" },
        ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "0:5.14.0-2.el9" }] }],
      },
    ],
  });
  const rocky = { id: "rocky", version: "9.3", name: "" };
  expect(findingsOf(kernel, rocky, [advisory], new Map())).toMatchObject([
    { id: "RLSA-2026:1", aliases: ["CVE-2026-1", "CVE-2026-2"], fixedVersion: "0:5.14.0-2.el9" },
  ]);
});

test("malware is critical", () => {
  const bad = { ...lodash([semverRange({ introduced: "0" })]), id: "MAL-2026-1" };
  const pkg = packageOf({ type: "npm", name: "lodash", version: "1.0.0" });
  expect(findingsOf(pkg, null, [bad], new Map())).toMatchObject([
    { id: "MAL-2026-1", severity: "critical", severitySource: "MAL-2026-1" },
  ]);
});

test("what is no record, or larger than any, is none", () => {
  for (const json of [null, [], "x", {}, { id: "../x", modified: "" }, { id: 1, modified: "" }]) {
    expect(parseRecord(json)).toBeNull();
  }
  const affected = Array.from({ length: 5_001 }, () => ({}));
  expect(parseRecord({ id: "CVE-1", modified: "", affected })).toBeNull();
  expect(parseRecord({ id: "CVE-1", modified: "", affected: null, aliases: null })).toMatchObject({
    affected: [],
    aliases: [],
  });
});
