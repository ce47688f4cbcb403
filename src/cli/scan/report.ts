/** What the registry knows of an image's vulnerabilities. */
import type { Api, Query } from "../api.ts";
import type { Counts, Finding, ImageScan } from "../../scan/schema.ts";
import { ago, type Output, shortDigest, timeUtc } from "../output.ts";
import type { Shown } from "../table.ts";

export interface Report {
  readonly items: readonly Finding[];
  readonly next: string | null;
  /** The image, or those of an index. */
  readonly images: readonly ImageScan[];
  /** Open vulnerabilities, also those that are not asked for; null while there is no result. */
  readonly counts: Counts | null;
}

/** The most that a page has: the registry reads everything again for each. */
export const PAGE = "1000";

/** All findings, page by page. @param path the manifest's */
export async function readReport(api: Api, path: string, query: Query = {}): Promise<Report> {
  const items: Finding[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await api.get<Report>(`${path}/vulnerabilities`, { ...query, after, limit: PAGE });
    items.push(...page.items);
    if (page.next === null) return { ...page, items };
    after = page.next;
  }
}

/** How bad a vulnerability is, in ascending order. */
export const SEVERITIES = ["unknown", "negligible", "low", "medium", "high", "critical"] as const;
export type Severity = Finding["severity"];

/** What a report comes to, in paragraphs: the numbers, then how far each image's scan is. */
export function summary(report: Report, name: string, output: Output): (string | Shown)[] {
  const { images } = report;
  const [first, ...others] = images;
  if (first === undefined) return [`${name} has no images that could be scanned.`];
  const text = sentence(report, name);
  if (others.length > 0) return [text, output.details(byPlatform(images))];
  const state = stateOf(first);
  return [`${text}\n${state.charAt(0).toUpperCase()}${state.slice(1)}.`];
}

/** How many open vulnerabilities there are, listed or not. */
export function openIn({ counts }: Report): number {
  return Object.values(counts ?? {}).reduce((sum, { all }) => sum + all, 0);
}

function sentence(report: Report, name: string): string {
  const { counts } = report;
  if (counts === null) return `It is not known yet which vulnerabilities ${name} has.`;
  const open = openIn(report);
  if (open === 0) return `${name} has no open vulnerabilities.`;
  const fixable = Object.values(counts).reduce((sum, one) => sum + one.fixable, 0);
  const what = open === 1 ? "1 open vulnerability" : `${open} open vulnerabilities`;
  const which = fixable === open ? (open === 1 ? "It" : "All") : String(fixable || "None");
  const fixes = `${which} ${fixable > 1 ? "have" : "has"} a fix.`;
  return `${name} has ${what}: ${countsText(counts)}. ${fixes}`;
}

/** "2 critical, 5 high"; "" for nothing. */
function countsText(counts: Counts): string {
  return SEVERITIES.toReversed()
    .filter((severity) => counts[severity].all > 0)
    .map((severity) => `${counts[severity].all} ${severity}`)
    .join(", ");
}

/** How far the scan of an image of one platform is, and why it got no further. */
function stateOf({ listedAt, matchedAt, nextAt, unscannable, error, scanners }: ImageScan): string {
  const by = scanners.map(({ name }) => name).join(" and ");
  const next = nextAt === null ? "" : `, and the next is ${timeUtc(nextAt)}`;
  return [
    unscannable === null ? [] : `unscannable: ${unscannable}`,
    matchedAt !== null
      ? `matched ${ago(matchedAt)} by ${by}`
      : listedAt === null
        ? `not scanned${nextAt === null ? "" : " yet"}`
        : `packages listed ${ago(listedAt)}, ${nextAt === null ? "no scanner is set up" : "not matched yet"}`,
    error === null ? [] : `the last try failed: ${error}${next}`,
  ]
    .flat()
    .join("; ");
}

/** The images by their platforms, or by their digests where these do not tell them apart. */
function byPlatform(images: readonly ImageScan[]): Record<string, string> {
  const platforms = images.map(({ platform }) => platform);
  return Object.fromEntries(
    images.map((image) => {
      const { platform, digest, counts } = image;
      const isOnly = platforms.filter((other) => other === platform).length === 1;
      const name = platform !== null && isOnly ? platform : shortDigest(digest);
      const found = counts === null ? "" : `${countsText(counts) || "none open"}; `;
      return [platform === null || isOnly ? name : `${platform} ${name}`, found + stateOf(image)];
    }),
  );
}
