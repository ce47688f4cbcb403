/** Clair's vulnerability report (its OpenAPI: GET /openapi/v1). */
import * as v from "valibot";
import type { Package } from "../../package.ts";
import { Id, parseAnswer, Text } from "../answer.ts";
import { ScannerUnavailable } from "../exchange.ts";
import { type Finding, linkOf, summaryOf } from "../finding.ts";
import { genericPackage, withPackages } from "../reported.ts";
import { severityOfWord } from "../severity.ts";

const ClairPackage = v.object({ name: Text, version: Text, arch: Text });

const Vulnerability = v.object({
  name: Id,
  description: v.optional(v.nullable(v.string()), null),
  links: v.optional(v.nullable(v.string()), null),
  normalized_severity: Text,
  fixed_in_version: Text,
  updater: Text,
});
type Vulnerability = v.InferOutput<typeof Vulnerability>;

const Report = v.object({
  manifest_hash: Text,
  packages: v.record(v.string(), ClairPackage),
  vulnerabilities: v.record(v.string(), Vulnerability),
  package_vulnerabilities: v.record(v.string(), v.array(v.string())),
});
type Report = v.InferOutput<typeof Report>;

/** Links are one text with spaces between them; more than the first ones are not looked at. */
const MAX_LINKS_LENGTH = 8_192;

/**
 * Reads a report on the image of a manifest.
 * @param packages those that we know of the image, or none
 * @throws ScannerUnavailable if it is malformed, or on another image
 */
export function readVulnerabilityReport(
  json: unknown,
  digest: string,
  packages: readonly Package[],
  origin: string,
): readonly Finding[] {
  const report = parseAnswer(Report, json, `${origin} gave a vulnerability report`);
  if (report.manifest_hash !== digest) {
    throw new ScannerUnavailable(`${origin} gave a vulnerability report on another image`);
  }
  return withPackages(reportedBy(report), packages, origin);
}

/** Yields a finding for each mention, of which a report can have more than fit into memory. */
function* reportedBy(report: Report): Iterable<Finding> {
  const named = new Map(Object.entries(report.packages));
  const vulnerabilities = new Map(
    Object.entries(report.vulnerabilities).map(([id, found]) => [id, readVulnerability(found)]),
  );
  for (const [packageId, ids] of Object.entries(report.package_vulnerabilities)) {
    const { name, version, arch } = named.get(packageId) ?? {};
    if (!name) continue;
    const pkg = { ...genericPackage(name, version ?? ""), arch: arch || null };
    for (const id of ids) {
      const found = vulnerabilities.get(id);
      if (found !== undefined) yield { ...found, package: pkg };
    }
  }
}

function readVulnerability(found: Vulnerability): Omit<Finding, "package"> {
  // Some updaters have a sentence for a name: "CVE-2020-1234 on Ubuntu 20.04 LTS (focal) - medium."
  const id = found.name.trim().split(/\s/, 1)[0]?.replace(/:$/, "") || found.name;
  const severity = severityOfWord(found.normalized_severity ?? "");
  return {
    id,
    aliases: [],
    fixedVersion: fixOf(found.fixed_in_version ?? ""),
    severity,
    severitySource: severity === "unknown" ? null : found.updater || "Clair",
    url: linkOf((found.links ?? "").slice(0, MAX_LINKS_LENGTH).split(" "), id),
    summary: summaryOf(found.description ?? ""),
  };
}

/** The version, or a range of OSV's as the query of an address: "fixed=2.1.0&introduced=2.0.0". */
function fixOf(text: string): string | null {
  const isRange = /(?:^|&)(?:fixed|introduced|lastAffected)=/.test(text);
  return (isRange ? new URLSearchParams(text).get("fixed") : text) || null;
}
