/** Reads reports of scans that somebody attached to an image, such as a step of CI. */
import * as v from "valibot";
import { summaryOf } from "../match/finding.ts";
import { CosignVuln, summarizeCosignVuln } from "./cosign-vuln.ts";
import type { AttachedSummary } from "./counts.ts";
import { Sarif, summarizeSarif } from "./sarif.ts";

export type Attached =
  | { readonly kind: "summary"; readonly summary: AttachedSummary }
  | { readonly kind: "unreadable"; readonly why: string };

/** The predicate's type, also as it was before cosign 2. */
const COSIGN_VULN = /^(?:https:\/\/)?cosign\.sigstore\.dev\/attestation\/vuln\/v1$/;

const Statement = v.object({
  predicateType: v.pipe(v.string(), v.maxLength(2_048)),
  subject: v.pipe(
    v.array(v.object({ digest: v.record(v.string(), v.string()) })),
    v.maxLength(1_000),
  ),
  predicate: v.unknown(),
});

/**
 * Summarizes a SARIF document or a vulnerability scan of cosign's type, as an in-toto statement or its predicate alone. A
 * signature on it is another's to verify.
 * @param json the parsed document, whose size the caller has bounded
 * @param digests of the image and of the indexes that it is in: a statement is about one of them
 */
export function readAttached(json: unknown, digests: readonly string[]): Attached {
  if (typeof json !== "object" || json === null) return unreadable("it is no JSON object");
  if ("runs" in json) return summarized(Sarif, json, summarizeSarif);
  if (!("predicateType" in json)) return summarized(CosignVuln, json, summarizeCosignVuln);
  const parsed = v.safeParse(Statement, json, { abortEarly: true });
  if (!parsed.success) return unreadable(problemOf(parsed.issues[0]));
  const { predicateType, subject, predicate } = parsed.output;
  if (!COSIGN_VULN.test(predicateType)) {
    return unreadable(`its predicate is of the type ${summaryOf(predicateType)}`);
  }
  const own = new Set(digests);
  const isOurs = subject.some(({ digest }) =>
    Object.entries(digest).some(([algorithm, hex]) => own.has(`${algorithm}:${hex}`)),
  );
  if (!isOurs) return unreadable("it is about another image");
  return summarized(CosignVuln, predicate, summarizeCosignVuln);
}

function summarized<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
  summarize: (document: v.InferOutput<Schema>) => AttachedSummary,
): Attached {
  const parsed = v.safeParse(schema, json, { abortEarly: true });
  return parsed.success
    ? { kind: "summary", summary: summarize(parsed.output) }
    : unreadable(problemOf(parsed.issues[0]));
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  const path = summaryOf(v.getDotPath(issue) ?? "");
  // Of a union the message says what it is of.
  const wanted = issue.type === "union" ? issue.message : (issue.expected ?? issue.message);
  return `${path === "" ? "it" : path} is malformed: expected ${wanted}`;
}

function unreadable(why: string): Attached {
  return { kind: "unreadable", why };
}
