import type { Report } from "./report.ts";

const COLUMNS = [
  "repository",
  "digest",
  "vulnerability",
  "aliases",
  "severity",
  "severity source",
  "type",
  "package",
  "version",
  "fixed version",
  "status",
  "reason",
  "path",
  "url",
  "summary",
];

/** Writes a report as CSV (RFC 4180), a line for each finding below a line of names. */
export function toCsv({ repository, digest, findings }: Report): string {
  const rows = findings.map((finding) => [
    repository,
    digest,
    finding.id,
    finding.aliases.join(" "),
    finding.severity,
    finding.severitySource ?? "",
    finding.package.type,
    finding.package.name,
    finding.package.version,
    finding.fixedVersion ?? "",
    finding.status,
    finding.reason,
    finding.package.path,
    finding.url,
    finding.summary,
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

/** Spreadsheets run what begins with these as a formula, and an image's packages have the names that its author chose. */
const FORMULA = /^[=+\-@\t\r]/;

function field(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
