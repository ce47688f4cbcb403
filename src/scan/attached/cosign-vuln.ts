import * as v from "valibot";
import { summaryOf } from "../match/finding.ts";
import { parsePurl } from "../match/purl.ts";
import { severityOfWord } from "../match/severity.ts";
import { type AttachedSummary, count, latestMs, MAX_RESULTS, MAX_RUNS } from "./counts.ts";
import { Sarif, severitiesIn } from "./sarif.ts";

const Text = v.pipe(v.string(), v.maxLength(2_048));
const Word = v.optional(v.nullable(Text));
const Time = v.optional(v.pipe(v.string(), v.maxLength(64)));

/** Trivy's JSON, which has no results where there is nothing to look at. */
const TrivyResult = v.object({
  SchemaVersion: v.number(),
  Results: v.nullish(
    v.pipe(
      v.array(
        v.object({
          Vulnerabilities: v.optional(
            v.nullable(v.pipe(v.array(v.object({ Severity: Word })), v.maxLength(MAX_RESULTS))),
          ),
        }),
      ),
      v.maxLength(MAX_RESULTS),
    ),
  ),
});

/** Grype's JSON. */
const GrypeResult = v.object({
  matches: v.pipe(
    v.array(v.object({ vulnerability: v.object({ severity: Word }) })),
    v.maxLength(MAX_RESULTS),
  ),
});

/** The type leaves open what a result is: these are read. */
const Severities = v.union(
  [
    v.pipe(
      TrivyResult,
      v.transform(({ Results: results }) =>
        (results ?? [])
          .flatMap(({ Vulnerabilities: found }) => found ?? [])
          .map(({ Severity: word }) => severityOfWord(word ?? "")),
      ),
    ),
    v.pipe(
      GrypeResult,
      v.transform(({ matches }) =>
        matches.map(({ vulnerability }) => severityOfWord(vulnerability.severity ?? "")),
      ),
    ),
    v.pipe(Sarif, v.transform(severitiesIn)),
  ],
  "a result of Trivy, Grype or SARIF",
);

const Scanner = v.object({ uri: v.optional(Text, ""), result: Severities });

const Predicate = v.object({
  // The specification has a list of scanners, cosign and Trivy write one.
  scanner: v.optional(Scanner),
  scanners: v.optional(v.pipe(v.array(Scanner), v.maxLength(MAX_RUNS)), []),
  metadata: v.optional(v.object({ scanStartedOn: Time, scanFinishedOn: Time }), {}),
});

/** cosign's predicate of a vulnerability scan, which names at least one scanner. */
export const CosignVuln = v.pipe(
  Predicate,
  v.transform(({ scanner, scanners, metadata }) => ({
    scanners: [...(scanner === undefined ? [] : [scanner]), ...scanners],
    metadata,
  })),
  v.check(({ scanners }) => scanners.length > 0, "a scanner"),
);

/** Summarizes cosign's predicate of a vulnerability scan (COSIGN_VULN_ATTESTATION_SPEC). */
export function summarizeCosignVuln(predicate: v.InferOutput<typeof CosignVuln>): AttachedSummary {
  const { scanners, metadata } = predicate;
  const tools = new Set(scanners.map(({ uri }) => parsePurl(uri)?.path.at(-1) ?? uri));
  return {
    tool: summaryOf([...tools].filter((name) => name !== "").join(", ")),
    counts: count(scanners.flatMap(({ result }) => result)),
    timeMs: latestMs([metadata.scanFinishedOn ?? metadata.scanStartedOn]),
  };
}
