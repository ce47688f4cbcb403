import type { Assessed } from "../assessment.ts";
import type { Severity } from "../match/severity.ts";
import { byVulnerability, type Report } from "./report.ts";

/** SARIF's levels (§ 3.27.10), and the number by which code hosts sort: the lowest score of the severity. */
const LEVELS: Readonly<Record<Severity, { level: string; score: string }>> = {
  critical: { level: "error", score: "9.0" },
  high: { level: "error", score: "7.0" },
  medium: { level: "warning", score: "4.0" },
  low: { level: "note", score: "0.1" },
  negligible: { level: "note", score: "0.0" },
  unknown: { level: "warning", score: "0.0" },
};

/** Returns a report as SARIF 2.1.0: a rule for each vulnerability, a result for each package that has it. */
export function toSarif(report: Report): unknown {
  const groups = byVulnerability(report.findings);
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: report.scanner, rules: groups.map(([first]) => ruleOf(first)) } },
        results: groups.flatMap((group, index) =>
          group.map((finding) => resultOf(finding, index, report)),
        ),
        properties: { image: `${report.repository}@${report.digest}` },
      },
    ],
  };
}

function ruleOf({ id, aliases, severity, summary, url }: Assessed): unknown {
  return {
    id,
    shortDescription: { text: summary === "" ? id : summary },
    helpUri: url,
    defaultConfiguration: { level: LEVELS[severity].level },
    properties: {
      "security-severity": LEVELS[severity].score,
      tags: ["security", "vulnerability", ...aliases],
    },
  };
}

function resultOf(finding: Assessed, ruleIndex: number, { repository, digest }: Report): unknown {
  const { id, severity, package: pkg, fixedVersion, status, reason } = finding;
  const fix = fixedVersion === null ? "no fixed version is known" : `fixed in ${fixedVersion}`;
  return {
    ruleId: id,
    ruleIndex,
    level: LEVELS[severity].level,
    message: { text: `${pkg.name} ${pkg.version} has ${id} (${severity}), ${fix}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI((pkg.path || repository).toWellFormed()) },
          region: { startLine: 1 },
        },
        logicalLocations: [
          { fullyQualifiedName: `${repository}@${digest}:${pkg.name}@${pkg.version}` },
        ],
      },
    ],
    partialFingerprints: { "finding/v1": `${id}:${pkg.type}:${pkg.name}:${pkg.path}` },
    ...(status === "open" ? {} : { suppressions: [{ kind: "external", justification: reason }] }),
  };
}
