/** How the findings of two images differ. */
import type { Finding } from "../../../scan/schema.ts";
import type { Mark } from "./difference.ts";

export interface MarkedFinding {
  readonly key: string;
  readonly mark: Mark;
  /** That of the second image, if it has it. */
  readonly finding: Finding;
  /** The package's versions, of the first image and the second; one if they are the same. */
  readonly versions: readonly string[];
}

/**
 * Compares findings by vulnerability and package, whatever the package's version: an update that does not help is no news. The new
 * ones come first, then those that are gone, each in the order given.
 */
export function findingsOf(from: readonly Finding[], to: readonly Finding[]): MarkedFinding[] {
  const [before, after] = [byKey(from), byKey(to)];
  const ofSecond = [...after].map(([key, finding]): MarkedFinding => {
    const old = before.get(key);
    const versions = new Set([...(old === undefined ? [] : [old]), finding].map(versionOf));
    return { key, mark: old === undefined ? "added" : "same", finding, versions: [...versions] };
  });
  const removed = [...before]
    .filter(([key]) => !after.has(key))
    .map(([key, finding]): MarkedFinding => {
      return { key, mark: "removed", finding, versions: [versionOf(finding)] };
    });
  return [
    ...ofSecond.filter(({ mark }) => mark === "added"),
    ...removed,
    ...ofSecond.filter(({ mark }) => mark === "same"),
  ];
}

function byKey(findings: readonly Finding[]): Map<string, Finding> {
  return new Map(
    findings.map((one) => [JSON.stringify([one.id, one.package.type, one.package.name]), one]),
  );
}

function versionOf(finding: Finding): string {
  return finding.package.version;
}
