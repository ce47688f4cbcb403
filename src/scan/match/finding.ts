import type { Package } from "../package.ts";
import type { Severity } from "./severity.ts";

/** A vulnerability of one package of an image, whichever scanner found it. */
export interface Finding {
  /** The id that most people know it by: its CVE, if it has one alone. */
  readonly id: string;
  /** The other ids of the same vulnerability, sorted. */
  readonly aliases: readonly string[];
  readonly package: Package;
  /** The first version without it, as the advisory names it (of the source package where that has the name); null if none is known. */
  readonly fixedVersion: string | null;
  readonly severity: Severity;
  /** Who says the severity: "Debian", "CVSS 3.1 of CVE-2024-0001", "GHSA-…"; null where it is unknown. */
  readonly severitySource: string | null;
  readonly url: string;
  /** One line; empty if the advisory has none. */
  readonly summary: string;
}

/** Longer summaries are cut: a finding is a row. */
const MAX_SUMMARY_LENGTH = 300;

/** Returns the first line of a text, short enough for a finding. */
export function summaryOf(text: string): string {
  const [line = ""] = text.trim().split(/[\r\n]/, 1);
  return line.length <= MAX_SUMMARY_LENGTH
    ? line
    : `${line.slice(0, MAX_SUMMARY_LENGTH - 1).toWellFormed()}…`;
}

/** Returns the first of a scanner's links that is a web page's, else the page of the vulnerability at OSV. */
export function linkOf(links: readonly string[], id: string): string {
  const page = links.find((link) => /^https?:\/\//.test(link) && URL.canParse(link));
  return page ?? `https://osv.dev/vulnerability/${encodeURIComponent(id.toWellFormed())}`;
}
