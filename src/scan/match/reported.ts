/** Findings of scanners that read the image themselves: they name its packages by text. */
import type { Package } from "../package.ts";
import { ScannerUnavailable } from "./exchange.ts";
import type { Finding } from "./finding.ts";
import { compareSeverities } from "./severity.ts";

/** More findings are of no image that somebody looks after, and each is a row. */
const MAX_FINDINGS = 20_000;

/** Returns a package of which a report says no more than this; halves of surrogate pairs become U+FFFD. */
export function genericPackage(name: string, version: string): Package {
  return {
    type: "generic",
    name: name.toWellFormed(),
    version: version.toWellFormed(),
    source: null,
    arch: null,
    path: "",
  };
}

/**
 * Puts the packages that we know of the image in the place of those that a report names. A package stays as the report has it
 * where we know none by its name and version, or some of several types, so that the text does not tell which is meant. All of
 * one type have the vulnerability. Of findings of one vulnerability in one package the worst counts.
 * @param packages what we read of the image's layers ourselves; empty if nothing
 * @param origin of the scanner, for the error
 * @throws ScannerUnavailable if there are too many findings
 */
export function withPackages(
  reported: Iterable<Finding>,
  packages: readonly Package[],
  origin: string,
): readonly Finding[] {
  const worst = new Map<string, Finding>();
  for (const finding of reported) {
    const key = JSON.stringify([finding.id, keyOf(finding.package)]);
    const other = worst.get(key);
    if (other === undefined || compareSeverities(finding.severity, other.severity) > 0) {
      worst.set(key, finding);
    }
    if (worst.size > MAX_FINDINGS) throw tooMany(origin);
  }
  const known = Map.groupBy(packages, keyOf);
  const findings: Finding[] = [];
  for (const finding of worst.values()) {
    const meant = known.get(keyOf(finding.package)) ?? [];
    const isOneType = meant.length > 0 && meant.every(({ type }) => type === meant[0]?.type);
    for (const pkg of isOneType ? meant : [finding.package]) {
      if (findings.length === MAX_FINDINGS) throw tooMany(origin);
      findings.push({ ...finding, package: pkg });
    }
  }
  return findings;
}

function tooMany(origin: string): ScannerUnavailable {
  return new ScannerUnavailable(`${origin} reports more than ${MAX_FINDINGS} findings`);
}

/** Go's versions begin with "v" in modules and with "go" in binaries, and scanners write either or none. */
function keyOf({ name, version }: Package): string {
  return JSON.stringify([name, version.replace(/^(?:v|go)(?=\d)/, "")]);
}
