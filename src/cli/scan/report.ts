/** What the registry knows of an image's vulnerabilities. */
import type { Api, Query } from "../api.ts";
import type { Counts, Finding, ImageScan } from "../../scan/schema.ts";
import { ago, shortDigest, timeUtc } from "../output.ts";

export interface Report {
  readonly items: readonly Finding[];
  readonly next: string | null;
  /** The image, or those of an index. */
  readonly images: readonly ImageScan[];
  /** Open vulnerabilities, also those that are not asked for; null while there is no result. */
  readonly counts: Counts | null;
}

/** The most that a page has: the registry reads everything again for each. */
const PAGE = "1000";

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

/** "2 critical, 5 high"; "" for nothing. */
export function countsText(counts: Counts): string {
  return SEVERITIES.toReversed()
    .filter((severity) => counts[severity].all > 0)
    .map((severity) => `${counts[severity].all} ${severity}`)
    .join(", ");
}

/** The result for an image of one platform, or why there is none. */
export function stateOf(image: ImageScan): string {
  const { listedAt, matchedAt, nextAt, unscannable, counts, error, scanners } = image;
  const failed =
    error === null
      ? []
      : [`the last try failed, as ${error}${nextAt === null ? "" : `; next ${timeUtc(nextAt)}`}`];
  const partly = unscannable === null ? [] : [`unscannable: ${unscannable}`];
  if (matchedAt !== null && counts !== null) {
    const by = scanners.map(({ name }) => name).join(" and ");
    const result = `${countsText(counts) || "none open"}, matched ${ago(matchedAt)} by ${by}`;
    return [result, ...partly, ...failed].join("; ");
  }
  if (failed.length > 0) return [...partly, ...failed].join("; ");
  if (listedAt === null) return nextAt === null ? "not scanned" : "not scanned yet";
  const unmatched = nextAt === null ? "no scanner is set up here" : "not matched yet";
  return [`packages listed ${ago(listedAt)}, ${unmatched}`, ...partly].join("; ");
}

/** The images by their platforms, or by their digests where these do not tell them apart. */
export function byPlatform(images: readonly ImageScan[]): Record<string, string> {
  const platforms = images.map(({ platform }) => platform);
  return Object.fromEntries(
    images.map((image) => {
      const { platform, digest } = image;
      const isOnly = platforms.filter((other) => other === platform).length === 1;
      const name = platform !== null && isOnly ? platform : shortDigest(digest);
      return [platform === null || isOnly ? name : `${platform} ${name}`, stateOf(image)];
    }),
  );
}
