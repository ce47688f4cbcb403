import type { Assessed } from "../assessment.ts";
import { purlOf } from "../match/purl.ts";
import type { Severity } from "../match/severity.ts";
import { byVulnerability, type Report } from "./report.ts";

/** CycloneDX's word for a severity, where it differs. */
const SEVERITIES: Readonly<Partial<Record<Severity, string>>> = { negligible: "info" };

/** CycloneDX's justification for each of OpenVEX. */
const JUSTIFICATIONS: ReadonlyMap<string, string> = new Map([
  ["component_not_present", "code_not_present"],
  ["vulnerable_code_not_present", "code_not_present"],
  ["vulnerable_code_not_in_execute_path", "code_not_reachable"],
  ["vulnerable_code_cannot_be_controlled_by_adversary", "requires_environment"],
  ["inline_mitigations_already_exist", "protected_by_mitigating_control"],
]);

/** Returns a report as a CycloneDX 1.6 document of its vulnerabilities, with the packages that have them as components. */
export function toCycloneDxVex(report: Report): unknown {
  const { repository, digest, scannedMs, findings, distribution } = report;
  const refOf = ({ package: pkg }: Assessed) => purlOf(pkg, distribution);
  const packages = new Map(findings.map((finding) => [refOf(finding), finding.package]));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(scannedMs).toISOString(),
      tools: { components: [{ type: "application", name: report.scanner }] },
      component: { type: "container", "bom-ref": digest, name: repository, version: digest },
    },
    components: [...packages].map(([purl, { name, version }]) => ({
      type: "library",
      "bom-ref": purl,
      name,
      version,
      purl,
    })),
    // Packages of one vulnerability whose status differs are entries of their own.
    vulnerabilities: byVulnerability(findings)
      .flatMap((group) => [
        ...Map.groupBy(group, ({ status, reason }) => `${status} ${reason}`).values(),
      ])
      .map((group) => vulnerabilityOf(group, refOf)),
  };
}

function vulnerabilityOf(
  group: readonly Assessed[],
  refOf: (finding: Assessed) => string,
): unknown {
  const [first] = group;
  if (first === undefined) return {};
  const { id, aliases, severity, severitySource, summary, url, fixedVersion } = first;
  return {
    id,
    source: { url },
    references: aliases.map((alias) => ({ id: alias, source: { name: alias.split("-", 1)[0] } })),
    ratings: [
      {
        severity: SEVERITIES[severity] ?? severity,
        ...(severitySource === null ? {} : { source: { name: severitySource } }),
      },
    ],
    ...(summary === "" ? {} : { description: summary }),
    ...(fixedVersion === null ? {} : { recommendation: `Upgrade to ${fixedVersion}` }),
    affects: [...new Set(group.map(refOf))].map((ref) => ({ ref })),
    ...analysisOf(first),
  };
}

function analysisOf({ status, reason, author }: Assessed): object {
  const detail = author === "" ? reason : `${reason} (${author})`;
  switch (status) {
    case "open":
      return {};
    case "accepted":
      return { analysis: { state: "exploitable", response: ["will_not_fix"], detail } };
    case "fixed":
      return { analysis: { state: "resolved", detail } };
    case "not_affected": {
      const justification = JUSTIFICATIONS.get(reason);
      return {
        analysis: {
          state: "not_affected",
          ...(justification === undefined ? {} : { justification }),
          detail,
        },
      };
    }
  }
}
