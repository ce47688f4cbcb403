import { CVSS20, CVSS30, CVSS31, CVSS40 } from "@pandatix/js-cvss";
import type { Severity } from "./severity.ts";

/** The metrics of a base score in the order of the specification; none may be missing, and others have no part in it. */
const BASE_2 = ["AV", "AC", "Au", "C", "I", "A"];
const BASE_3 = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const BASE_4 = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

interface Version {
  readonly prefix: string;
  readonly base: readonly string[];
  readonly score: (vector: string) => number;
}

const VERSIONS: readonly Version[] = [
  { prefix: "CVSS:4.0/", base: BASE_4, score: (vector) => new CVSS40(vector).Score() },
  { prefix: "CVSS:3.1/", base: BASE_3, score: (vector) => new CVSS31(vector).BaseScore() },
  { prefix: "CVSS:3.0/", base: BASE_3, score: (vector) => new CVSS30(vector).BaseScore() },
  // Vectors of CVSS 2 have no prefix.
  { prefix: "", base: BASE_2, score: (vector) => new CVSS20(vector).BaseScore() },
];

/** A vector of CVSS 4 with all its metrics has fewer characters. */
const MAX_VECTOR_LENGTH = 300;

/**
 * Returns the base score of a vector of CVSS 2, 3.0, 3.1 or 4.0 (first.org/cvss), 0 to 10 in tenths; null for what is none,
 * such as a vector that lacks a metric.
 */
export function baseScore(vector: string): number | null {
  const version = VERSIONS.find(({ prefix }) => vector.startsWith(prefix));
  if (version === undefined || vector.length > MAX_VECTOR_LENGTH) return null;
  const { prefix, base, score } = version;
  const pairs = vector
    .slice(prefix.length)
    .split("/")
    .map((metric) => metric.split(":"));
  const metrics = new Map(pairs.map(([name = "", value = ""]) => [name, value]));
  if (metrics.size !== pairs.length || pairs.some((pair) => pair.length !== 2)) return null;
  if (!base.every((name) => metrics.has(name))) return null;
  try {
    const found = score(prefix + base.map((name) => `${name}:${metrics.get(name)}`).join("/"));
    return found >= 0 && found <= 10 ? found : null;
  } catch {
    // The library throws on a value that the metric does not have: the vector is none.
    return null;
  }
}

/** Returns the rating of a vector; "unknown" for what is none. */
export function severityOfVector(vector: string): Severity {
  const score = baseScore(vector);
  if (score === null) return "unknown";
  // CVSS 2 has no rating above high (nvd.nist.gov/vuln-metrics/cvss).
  return severityOfScore(vector.startsWith("CVSS:") ? score : Math.min(score, 8.9));
}

/** Returns the rating of a score of 0 to 10 (CVSS 3.1 § 5). */
export function severityOfScore(score: number): Severity {
  if (score === 0) return "negligible";
  if (score < 4) return "low";
  if (score < 7) return "medium";
  return score < 9 ? "high" : "critical";
}
