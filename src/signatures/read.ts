import * as v from "valibot";
import { invalid } from "./signature.ts";

/** Base64 with or without padding, as bytes. */
export const Base64 = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/]*={0,2}$/, "is no base64"),
  v.transform((text): Uint8Array => Buffer.from(text, "base64")),
);

/** Base64 for URLs, without padding (RFC 7515 § 2), as bytes. */
export const Base64Url = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]+$/, "is no base64url"),
  v.transform((text): Uint8Array => Buffer.from(text, "base64url")),
);

/** A position in a log. */
export const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Since 1970. */
export const Seconds = v.pipe(Count, v.maxValue(8.64e12));

/** @throws Refusal "invalid" unless the bytes are JSON of this shape */
export function readJson<const S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array | string,
  what: string,
): v.InferOutput<S> {
  const { success, output, issues } = v.safeParse(schema, jsonOf(bytes, what));
  if (success) return output;
  const [issue] = issues;
  throw invalid(
    `${what} is malformed: ${(v.getDotPath(issue) ?? "it").slice(0, 100)} ${saidOf(issue)}`,
  );
}

function saidOf(issue: v.BaseIssue<unknown>): string {
  return issue.received === "undefined" ? "is missing" : "has not the form that it must have";
}

function jsonOf(bytes: Uint8Array | string, what: string): unknown {
  try {
    const text =
      typeof bytes === "string"
        ? bytes
        : new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid(`${what} is no JSON`);
  }
}
