import type { AuditEvent } from "../../../events/schema.ts";

const FIELDS = [
  "time",
  "actor",
  "via",
  "subject",
  "action",
  "outcome",
  "namespace",
  "repository",
  "reference",
  "digest",
  "detail",
  "address",
  "agent",
  "requestId",
  "id",
] as const satisfies readonly (keyof AuditEvent)[];

/** Writes entries as CSV (RFC 4180), with a line of names first. */
export function csvOf(events: readonly AuditEvent[]): string {
  const rows = events.map((event) => FIELDS.map((field) => cellOf(event[field] ?? "")));
  return [FIELDS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/**
 * Quotes a cell. A spreadsheet takes text that begins like a formula for one, and a stranger writes some of these
 * fields: an apostrophe before it makes it text (OWASP, "CSV Injection").
 */
function cellOf(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${plain.replaceAll('"', '""')}"`;
}
