import * as v from "valibot";
import { severityOfScore } from "../match/cvss.ts";
import { summaryOf } from "../match/finding.ts";
import { type Severity, severityOfWord } from "../match/severity.ts";
import { type AttachedSummary, count, latestMs, MAX_RESULTS, MAX_RUNS } from "./counts.ts";

const Text = v.pipe(v.string(), v.maxLength(2_048));
const Level = v.picklist(["none", "note", "warning", "error"]);
const Time = v.optional(v.pipe(v.string(), v.maxLength(64)));

const Rule = v.object({
  id: v.optional(Text),
  defaultConfiguration: v.optional(v.object({ level: v.optional(Level) })),
  properties: v.optional(
    v.object({
      "security-severity": v.optional(v.union([v.string(), v.number()])),
      tags: v.optional(v.pipe(v.array(Text), v.maxLength(100))),
    }),
  ),
});
type Rule = v.InferOutput<typeof Rule>;

const Result = v.object({
  ruleId: v.optional(Text),
  ruleIndex: v.optional(v.number()),
  level: v.optional(Level),
  kind: v.optional(v.string()),
  suppressions: v.optional(
    v.pipe(v.array(v.object({ status: v.optional(v.string()) })), v.maxLength(100)),
  ),
});
type Result = v.InferOutput<typeof Result>;

const Run = v.object({
  tool: v.object({
    driver: v.object({
      name: Text,
      rules: v.optional(v.pipe(v.array(Rule), v.maxLength(MAX_RESULTS)), []),
    }),
  }),
  results: v.optional(v.nullable(v.pipe(v.array(Result), v.maxLength(MAX_RESULTS))), []),
  invocations: v.optional(
    v.pipe(v.array(v.object({ startTimeUtc: Time, endTimeUtc: Time })), v.maxLength(MAX_RUNS)),
    [],
  ),
});
type Run = v.InferOutput<typeof Run>;

/** SARIF 2.1.0, as far as it is counted. */
export const Sarif = v.object({ runs: v.pipe(v.array(Run), v.maxLength(MAX_RUNS)) });

type Sarif = v.InferOutput<typeof Sarif>;

/** Summarizes a SARIF document (OASIS, SARIF 2.1.0): its failures that are not suppressed. */
export function summarizeSarif(sarif: Sarif): AttachedSummary {
  const { runs } = sarif;
  const times = runs.flatMap(({ invocations }) =>
    invocations.map(({ startTimeUtc, endTimeUtc }) => endTimeUtc ?? startTimeUtc),
  );
  const tools = new Set(runs.map(({ tool }) => tool.driver.name));
  return {
    tool: summaryOf([...tools].join(", ")),
    counts: count(severitiesIn(sarif)),
    timeMs: latestMs(times),
  };
}

/** Returns the severity of each failure that is not suppressed. */
export function severitiesIn({ runs }: Sarif): readonly Severity[] {
  return runs.flatMap(severitiesOf);
}

function severitiesOf({ tool, results }: Run): Severity[] {
  const { rules } = tool.driver;
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return (results ?? [])
    .filter(isOpen)
    .map((result) => severityOf(result, rules[result.ruleIndex ?? -1] ?? byId.get(result.ruleId)));
}

/** A suppression without a status is accepted (§ 3.35.3), and a result without a kind is a failure (§ 3.27.9). */
function isOpen({ kind, suppressions }: Result): boolean {
  const isSuppressed = suppressions?.some(({ status }) => (status ?? "accepted") === "accepted");
  return (kind ?? "fail") === "fail" && isSuppressed !== true;
}

/** Scanners give the score, by which code hosts sort, or the word as a tag; SARIF itself has levels alone. */
function severityOf(result: Result, rule: Rule | undefined): Severity {
  const level = result.level ?? rule?.defaultConfiguration?.level ?? "warning";
  const text = rule?.properties?.["security-severity"];
  const score = Number(text || Number.NaN);
  if (score > 0 && score <= 10) return severityOfScore(score);
  const word = rule?.properties?.tags?.map(severityOfWord).find((found) => found !== "unknown");
  if (word !== undefined) return word;
  switch (level) {
    case "none":
      return "negligible";
    case "note":
      return score === 0 ? "negligible" : "low";
    case "warning":
      return score === 0 ? "unknown" : "medium";
    case "error":
      return "high";
  }
}
