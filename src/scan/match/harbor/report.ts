/** The vulnerability report of Harbor's pluggable scanner API; its versions 1.0 and 1.1 have the same fields. */
import * as v from "valibot";
import type { Package } from "../../package.ts";
import { Id, parseAnswer, Text } from "../answer.ts";
import { ScannerUnavailable } from "../exchange.ts";
import { type Finding, linkOf, summaryOf } from "../finding.ts";
import { genericPackage, withPackages } from "../reported.ts";
import { severityOfWord } from "../severity.ts";

const Vulnerability = v.object({
  id: Id,
  package: v.pipe(v.string(), v.minLength(1), v.maxLength(2_048)),
  version: Text,
  fix_version: Text,
  severity: Text,
  description: v.optional(v.nullable(v.string()), null),
  links: v.optional(v.nullable(v.array(v.string())), null),
});

const Report = v.object({
  artifact: v.optional(v.nullable(v.object({ digest: Text }))),
  scanner: v.optional(v.nullable(v.object({ name: Text }))),
  // Null is none, as Go writes it. An answer without the field is no report.
  vulnerabilities: v.nullable(v.array(Vulnerability)),
});

/**
 * Reads a report on the image of a manifest.
 * @param packages those that we know of the image, or none
 * @throws ScannerUnavailable if it is malformed, or on another image
 */
export function readReport(
  json: unknown,
  digest: string,
  packages: readonly Package[],
  origin: string,
): readonly Finding[] {
  const { artifact, scanner, vulnerabilities } = parseAnswer(
    Report,
    json,
    `${origin} gave a vulnerability report`,
  );
  if ((artifact?.digest ?? digest) !== digest) {
    throw new ScannerUnavailable(`${origin} gave a vulnerability report on another image`);
  }
  const source = scanner?.name || "the scanner adapter";
  const reported = (vulnerabilities ?? []).map((found): Finding => {
    const severity = severityOfWord(found.severity ?? "");
    return {
      id: found.id,
      aliases: [],
      package: genericPackage(found.package, found.version ?? ""),
      fixedVersion: found.fix_version || null,
      severity,
      severitySource: severity === "unknown" ? null : source,
      url: linkOf(found.links ?? [], found.id),
      summary: summaryOf(found.description ?? ""),
    };
  });
  return withPackages(reported, packages, origin);
}
