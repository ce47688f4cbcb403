/** Reports that CI attached: SARIF and cosign's vulnerability scans, as tools write them, and hostile ones. */
import { expect, test } from "vitest";
import type { Assessed } from "../../../src/scan/assessment.ts";
import { readAttached } from "../../../src/scan/attached/read.ts";
import { toCosignVuln } from "../../../src/scan/export/cosign-vuln.ts";
import type { Report } from "../../../src/scan/export/report.ts";
import { toSarif } from "../../../src/scan/export/sarif.ts";
import { SEVERITIES } from "../../../src/scan/match/severity.ts";

const HEX = "a".repeat(64);
const DIGEST = `sha256:${HEX}`;
const NONE = { unknown: 0, negligible: 0, low: 0, medium: 0, high: 0, critical: 0 };

function read(json: unknown) {
  return readAttached(json, [`sha256:${"0".repeat(64)}`, DIGEST]);
}

function summaryOf(json: unknown) {
  const attached = read(json);
  if (attached.kind !== "summary") throw new Error(attached.why);
  return attached.summary;
}

function whyNot(json: unknown): string {
  const attached = read(json);
  return attached.kind === "unreadable" ? attached.why : `it was read: ${JSON.stringify(attached)}`;
}

/** A run in which each result has a rule of its own. */
function runOf(rules: readonly object[], results: readonly object[] = []) {
  return {
    tool: { driver: { name: "Trivy", rules: rules.map((rule, i) => ({ id: `R${i}`, ...rule })) } },
    results: rules.map((_, i) => ({ ruleId: `R${i}`, ruleIndex: i, ...results[i] })),
  };
}

function sarif(...runs: readonly object[]) {
  return { version: "2.1.0", runs };
}

/** As `trivy image --format cosign-vuln` writes it. */
function predicateOf(result: unknown, uri = "pkg:github/aquasecurity/trivy@0.74.0") {
  return {
    invocation: { parameters: null, uri: "", event_id: "", "builder.id": "" },
    scanner: { uri, version: "0.74.0", db: { uri: "", version: "" }, result },
    metadata: {
      scanStartedOn: "2026-01-01T00:00:00Z",
      scanFinishedOn: "2026-01-01T00:00:05.5Z",
    },
  };
}

function statementOf(predicate: unknown, digest: object = { sha256: HEX }) {
  return {
    _type: "https://in-toto.io/Statement/v0.1",
    subject: [{ name: "registry.example/demo/alp", digest }],
    predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1",
    predicate,
  };
}

const TRIVY = {
  SchemaVersion: 2,
  ArtifactName: "demo/alp:1",
  Results: [
    { Target: "a", Vulnerabilities: [{ Severity: "CRITICAL" }, { Severity: "HIGH" }] },
    { Target: "b", Vulnerabilities: null },
    { Target: "c", Vulnerabilities: [{ Severity: "UNKNOWN" }, {}] },
  ],
};

test("SARIF is counted by the score of each rule, else by its word, else by the level", () => {
  const rules = [
    { properties: { "security-severity": "9.8", tags: ["LOW"] } },
    { properties: { "security-severity": "7.0" } },
    { properties: { "security-severity": 4 } },
    { properties: { "security-severity": "0.1" } },
    { properties: { tags: ["vulnerability", "security", "HIGH"] } },
    { properties: { "security-severity": "high", tags: ["critical"] } },
    { properties: { "security-severity": "99" }, defaultConfiguration: { level: "error" } },
    { defaultConfiguration: { level: "note" } },
    {},
  ];
  expect(summaryOf(sarif(runOf(rules)))).toEqual({
    tool: "Trivy",
    counts: { ...NONE, critical: 2, high: 3, medium: 2, low: 2 },
    timeMs: null,
  });
  const byLevel = ["none", "note", "warning", "error"].map((level) => ({ level }));
  expect(summaryOf(sarif(runOf([{}, {}, {}, {}], byLevel))).counts).toEqual({
    ...NONE,
    negligible: 1,
    low: 1,
    medium: 1,
    high: 1,
  });
});

test("a rule is found by its index or its id, and a result without one is counted nevertheless", () => {
  const rules = [{ id: "A", properties: { "security-severity": "9.0" } }];
  const results = [{ ruleIndex: 0 }, { ruleId: "A" }, { ruleId: "B", ruleIndex: 7 }, {}];
  const run = { tool: { driver: { name: "x", rules } }, results };
  expect(summaryOf(sarif(run)).counts).toEqual({ ...NONE, critical: 2, medium: 2 });
});

test("what is suppressed or no failure is not counted", () => {
  const results = [
    { suppressions: [{ kind: "external" }] },
    { suppressions: [{ status: "accepted" }] },
    { suppressions: [{ status: "rejected" }] },
    { suppressions: [] },
    { kind: "pass" },
    { kind: "fail" },
  ];
  const run = runOf(
    results.map(() => ({})),
    results,
  );
  expect(summaryOf(sarif(run)).counts).toEqual({ ...NONE, medium: 3 });
});

test("runs of several tools are one summary, at the latest time", () => {
  const invocations = [
    { endTimeUtc: "2026-01-02T00:00:00Z", startTimeUtc: "2026-01-01T00:00:00Z" },
  ];
  const other = {
    tool: { driver: { name: "Grype" } },
    results: [{ level: "error" }],
    invocations: [{ startTimeUtc: "2026-01-03T00:00:00Z" }, { endTimeUtc: "soon" }],
  };
  const first = { ...runOf([{}]), invocations };
  expect(summaryOf(sarif(first, other, { tool: { driver: { name: "Trivy" } } }))).toEqual({
    tool: "Trivy, Grype",
    counts: { ...NONE, medium: 1, high: 1 },
    timeMs: Date.UTC(2026, 0, 3),
  });
  expect(summaryOf(sarif())).toEqual({ tool: "", counts: NONE, timeMs: null });
});

test("cosign's predicate is read alone and in a statement about the image", () => {
  const summary = {
    tool: "trivy",
    counts: { ...NONE, critical: 1, high: 1, unknown: 2 },
    timeMs: Date.UTC(2026, 0, 1, 0, 0, 5, 500),
  };
  const predicate = predicateOf(TRIVY);
  expect(summaryOf(predicate)).toEqual(summary);
  expect(summaryOf(statementOf(predicate))).toEqual(summary);
  const old = "cosign.sigstore.dev/attestation/vuln/v1";
  expect(summaryOf({ ...statementOf(predicate), predicateType: old })).toEqual(summary);
});

test("the result is Trivy's, Grype's or SARIF, of one scanner or of several", () => {
  expect(summaryOf(predicateOf({ SchemaVersion: 2 })).counts).toEqual(NONE);
  const matches = ["Negligible", "Medium", null].map((severity) => ({
    vulnerability: { severity },
  }));
  const grype = { matches };
  const counts = { ...NONE, negligible: 1, medium: 1, unknown: 1 };
  expect(summaryOf(predicateOf(grype, "")).counts).toEqual(counts);
  expect(summaryOf(predicateOf(sarif(runOf([{}])))).counts).toEqual({ ...NONE, medium: 1 });
  const scanners = [
    { uri: "pkg:github/anchore/grype", result: grype },
    { uri: "https://scanner.example", result: TRIVY },
    { result: TRIVY },
  ];
  expect(summaryOf({ scanners })).toEqual({
    tool: "grype, https://scanner.example",
    counts: { ...counts, critical: 2, high: 2, unknown: 5 },
    timeMs: null,
  });
});

test("what we export is read with the same counts", () => {
  const findings = SEVERITIES.flatMap((severity, i) =>
    (["open", "accepted"] as const).map((status): Assessed => ({
      id: `CVE-2099-${i}`,
      aliases: [],
      package: {
        type: "npm",
        name: status,
        version: "1",
        source: null,
        arch: null,
        path: "",
      },
      fixedVersion: null,
      severity,
      severitySource: null,
      url: "https://osv.dev",
      summary: "",
      status,
      reason: "",
      author: "",
      untilMs: null,
    })),
  );
  const report: Report = {
    repository: "registry.example/demo/alp",
    digest: DIGEST,
    distribution: null,
    scanner: "OSV & Co",
    scannedMs: Date.UTC(2026, 0, 1),
    findings,
  };
  const each = { unknown: 1, negligible: 1, low: 1, medium: 1, high: 1, critical: 1 };
  expect(summaryOf(toSarif(report))).toEqual({ tool: "OSV & Co", counts: each, timeMs: null });
  // Trivy has no word for negligible.
  expect(summaryOf(toCosignVuln(report))).toEqual({
    tool: "OSV & Co",
    counts: { ...each, negligible: 0, low: 2 },
    timeMs: Date.UTC(2026, 0, 1),
  });
});

test.each<[string, unknown, string]>([
  ["null", null, "it is no JSON object"],
  ["a text", "x", "it is no JSON object"],
  ["an empty object", {}, "it is malformed: expected a scanner"],
  ["a list", [], "it is malformed: expected a scanner"],
  ["runs that are none", { runs: {} }, "runs is malformed: expected Array"],
  ["a run without a tool", sarif({}), "runs.0.tool is malformed"],
  ["a wrong level", sarif(runOf([{}], [{ level: "bad" }])), "runs.0.results.0.level"],
  ["101 runs", sarif(...Array.from({ length: 101 }, () => runOf([]))), "runs is malformed"],
  [
    "too many results",
    sarif({ ...runOf([]), results: Array.from({ length: 100_001 }, () => ({})) }),
    "runs.0.results is malformed: expected <=100000",
  ],
  [
    "an unknown result",
    predicateOf({ vulnerabilities: [] }),
    "scanner.result is malformed: expected a result of Trivy, Grype or SARIF",
  ],
  ["a result that is a text", predicateOf("clean"), "scanner.result is malformed"],
  [
    "a severity that is a number",
    predicateOf({ SchemaVersion: 2, Results: [7] }),
    "scanner.result",
  ],
  ["no result", { scanner: {} }, "scanner.result is malformed"],
  [
    "a time that is a number",
    { ...predicateOf(TRIVY), metadata: { scanFinishedOn: 7 } },
    "metadata",
  ],
  [
    "another predicate",
    { ...statementOf(predicateOf(TRIVY)), predicateType: "https://slsa.dev/provenance/v1" },
    "its predicate is of the type https://slsa.dev/provenance/v1",
  ],
  [
    "another image",
    statementOf(predicateOf(TRIVY), { sha256: "b".repeat(64) }),
    "it is about another image",
  ],
  ["another algorithm", statementOf(predicateOf(TRIVY), { sha512: HEX }), "another image"],
  ["no image", { ...statementOf(predicateOf(TRIVY)), subject: [] }, "another image"],
  ["no predicate", statementOf(undefined), "it is malformed"],
])("%s is refused with the reason", (_, json, why) => {
  expect(whyNot(json)).toContain(why);
});

test("deep JSON and long texts are refused in few words", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  for (const text of [
    `{"runs":${deep}}`,
    `{"scanner":${deep}}`,
    `{"scanner":{"result":${deep}}}`,
  ]) {
    expect(whyNot(JSON.parse(text))).toContain("is malformed");
  }
  expect(whyNot({ predicateType: "x".repeat(100_000), subject: [] }).length).toBeLessThan(500);
  const long = { ...statementOf(null), subject: [{ digest: { ["k".repeat(100_000)]: 7 } }] };
  expect(whyNot(long).length).toBeLessThan(500);
  const tools = Array.from({ length: 100 }, (_, i) => ({
    tool: { driver: { name: `${i}${"x".repeat(2_000)}` } },
  }));
  expect(summaryOf(sarif(...tools)).tool).toHaveLength(300);
});
