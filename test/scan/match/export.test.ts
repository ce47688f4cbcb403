/** A report in each of its formats. */
import { expect, test } from "vitest";
import type { Assessed } from "../../../src/scan/assessment.ts";
import { toCsv } from "../../../src/scan/export/csv.ts";
import { toCosignVuln } from "../../../src/scan/export/cosign-vuln.ts";
import { toCycloneDxVex } from "../../../src/scan/export/cyclonedx-vex.ts";
import type { Report } from "../../../src/scan/export/report.ts";
import { toSarif } from "../../../src/scan/export/sarif.ts";
import { ALPINE, packageOf } from "./stub.ts";

const OPEN: Assessed = {
  id: "CVE-2099-1",
  aliases: ["GHSA-1"],
  package: packageOf({
    type: "npm",
    name: "lodash",
    version: "4.17.20",
    path: "app/node modules/lodash/package.json",
  }),
  fixedVersion: "4.17.21",
  severity: "critical",
  severitySource: "CVSS 3.1 of CVE-2099-1",
  url: "https://osv.dev/vulnerability/CVE-2099-1",
  summary: 'A "hole", wide',
  status: "open",
  reason: "",
  author: "",
  untilMs: null,
};

const CLOSED: Assessed = {
  ...OPEN,
  package: packageOf({ type: "npm", name: "@x/lodash", version: "4.0.0" }),
  status: "not_affected",
  reason: "vulnerable_code_not_in_execute_path",
  author: "alice",
};

const ODD: Assessed = {
  ...OPEN,
  id: "CVE-2099-2",
  aliases: [],
  package: packageOf({ type: "apk", name: "=cmd()", version: "1-r0" }),
  fixedVersion: null,
  severity: "negligible",
  severitySource: null,
  summary: "",
  status: "accepted",
  reason: "we live with it",
};

const REPORT: Report = {
  repository: "registry.example/team/app",
  digest: "sha256:1",
  distribution: ALPINE,
  scanner: "OSV",
  scannedMs: Date.UTC(2026, 0, 1),
  findings: [OPEN, CLOSED, ODD],
};

test("CSV has a line for each finding, quotes as RFC 4180 says, and no formula", () => {
  const lines = toCsv(REPORT).split("\r\n");
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe(
    "repository,digest,vulnerability,aliases,severity,severity source,type,package,version,fixed version,status,reason,path,url,summary",
  );
  expect(lines[1]).toBe(
    'registry.example/team/app,sha256:1,CVE-2099-1,GHSA-1,critical,CVSS 3.1 of CVE-2099-1,npm,lodash,4.17.20,4.17.21,open,,app/node modules/lodash/package.json,https://osv.dev/vulnerability/CVE-2099-1,"A ""hole"", wide"',
  );
  expect(lines[2]).toContain(",'@x/lodash,");
  expect(lines[3]).toContain(",'=cmd(),");
  expect(lines[4]).toBe("");
});

test("SARIF has a rule for each vulnerability, a result for each package, and suppressions", () => {
  expect(toSarif(REPORT)).toMatchObject({
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "OSV",
            rules: [
              {
                id: "CVE-2099-1",
                shortDescription: { text: 'A "hole", wide' },
                defaultConfiguration: { level: "error" },
                properties: {
                  "security-severity": "9.0",
                  tags: ["security", "vulnerability", "GHSA-1"],
                },
              },
              { id: "CVE-2099-2", shortDescription: { text: "CVE-2099-2" } },
            ],
          },
        },
        results: [
          {
            ruleId: "CVE-2099-1",
            ruleIndex: 0,
            level: "error",
            message: { text: "lodash 4.17.20 has CVE-2099-1 (critical), fixed in 4.17.21" },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: "app/node%20modules/lodash/package.json" },
                },
              },
            ],
          },
          {
            ruleIndex: 0,
            suppressions: [
              { kind: "external", justification: "vulnerable_code_not_in_execute_path" },
            ],
          },
          {
            ruleIndex: 1,
            level: "note",
            message: { text: "=cmd() 1-r0 has CVE-2099-2 (negligible), no fixed version is known" },
          },
        ],
      },
    ],
  });
  expect(JSON.stringify(toSarif({ ...REPORT, findings: [OPEN] }))).not.toContain("suppressions");
});

test("CycloneDX VEX has an entry for each vulnerability and status, and refers to its components", () => {
  const document = toCycloneDxVex(REPORT) as {
    components: { "bom-ref": string }[];
    vulnerabilities: { affects: { ref: string }[] }[];
  };
  expect(document).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    metadata: {
      timestamp: "2026-01-01T00:00:00.000Z",
      component: { type: "container", version: "sha256:1" },
    },
    vulnerabilities: [
      {
        id: "CVE-2099-1",
        references: [{ id: "GHSA-1", source: { name: "GHSA" } }],
        ratings: [{ severity: "critical", source: { name: "CVSS 3.1 of CVE-2099-1" } }],
        recommendation: "Upgrade to 4.17.21",
        affects: [{ ref: "pkg:npm/lodash@4.17.20" }],
      },
      {
        id: "CVE-2099-1",
        affects: [{ ref: "pkg:npm/%40x/lodash@4.0.0" }],
        analysis: {
          state: "not_affected",
          justification: "code_not_reachable",
          detail: "vulnerable_code_not_in_execute_path (alice)",
        },
      },
      {
        id: "CVE-2099-2",
        ratings: [{ severity: "info" }],
        analysis: { state: "exploitable", response: ["will_not_fix"], detail: "we live with it" },
      },
    ],
  });
  expect(document.vulnerabilities[0]).not.toHaveProperty("analysis");
  const refs = document.vulnerabilities.flatMap(({ affects }) => affects.map(({ ref }) => ref));
  expect(refs.toSorted()).toEqual(document.components.map((one) => one["bom-ref"]).toSorted());
});

test("cosign's statement is about the image, with the open findings as Trivy writes them", () => {
  const result = {
    SchemaVersion: 2,
    ArtifactName: "registry.example/team/app@sha256:1",
    ArtifactType: "container_image",
    Results: [
      {
        Target: "registry.example/team/app",
        Class: "lang-pkgs",
        Type: "npm",
        Vulnerabilities: [
          {
            VulnerabilityID: "CVE-2099-1",
            VendorIDs: ["GHSA-1"],
            PkgName: "lodash",
            PkgPath: "app/node modules/lodash/package.json",
            InstalledVersion: "4.17.20",
            FixedVersion: "4.17.21",
            Severity: "CRITICAL",
            SeveritySource: "CVSS 3.1 of CVE-2099-1",
            PrimaryURL: "https://osv.dev/vulnerability/CVE-2099-1",
            Title: 'A "hole", wide',
          },
        ],
      },
    ],
    ExperimentalModifiedFindings: [
      {
        Type: "vulnerability",
        Status: "not_affected",
        Statement: "vulnerable_code_not_in_execute_path",
        Source: "alice",
        Finding: expect.objectContaining({ PkgName: "@x/lodash" }) as unknown,
      },
      {
        Type: "vulnerability",
        Status: "ignored",
        Statement: "we live with it",
        Source: "",
        Finding: expect.objectContaining({ FixedVersion: "", Severity: "LOW" }) as unknown,
      },
    ],
  };
  expect(toCosignVuln(REPORT)).toEqual({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "registry.example/team/app", digest: { sha256: "1" } }],
    predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1",
    predicate: {
      invocation: { parameters: null, uri: "", event_id: "", "builder.id": "" },
      scanner: {
        uri: "pkg:generic/OSV",
        version: "",
        db: { uri: "", version: "" },
        result,
      },
      metadata: {
        scanStartedOn: "2026-01-01T00:00:00.000Z",
        scanFinishedOn: "2026-01-01T00:00:00.000Z",
      },
    },
  });
});
