import type { AuditEntry } from "../db/audit.ts";
import type { ImageFinding } from "./result.ts";
import type { DueImage } from "./store.ts";
import { type Counts, countsText, type Summary } from "./summary.ts";

/** The most vulnerabilities that an event names. */
const NAMED = 5;

/** Only what is news has an event: most matches find what the last one found. */
export function entriesOf(
  { repository, digest, summary }: DueImage,
  counts: Counts,
  found: readonly ImageFinding[],
): AuditEntry[] {
  const text = countsText(counts);
  const before = summary === null ? null : countsText((JSON.parse(summary) as Summary).counts);
  return [
    ...(before === text
      ? []
      : [{ action: "image.scanned", repository, digest, detail: text } as const]),
    ...(found.length === 0
      ? []
      : [{ action: "vulnerability.found", repository, digest, detail: foundText(found) } as const]),
  ];
}

function foundText(found: readonly ImageFinding[]): string {
  const ids = [...new Set(found.map(({ id, severity }) => `${id} (${severity})`))];
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : "";
  return ids.slice(0, NAMED).join(", ") + more;
}
