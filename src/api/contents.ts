/** The contents of a repository: its tags, its manifests, and its pulls. */
import { isTag } from "../oci/reference.ts";
import type { ManifestRow } from "../db/summaries.ts";
import { invalid } from "../http/input.ts";
import { contentJson, timestamp } from "../http/resource.ts";
import { formatDay, parseDay } from "../http/time.ts";
import type { Summary } from "../registry/summaries.ts";
import { one, page } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import {
  MANIFEST_LIST,
  manifestCursor,
  manifestPlace,
  TAG_LIST,
  tagCursor,
  tagPlace,
  withAttachments,
} from "./contents-query.ts";
import { dayField, PAGE, shortPage } from "./query.ts";
import { Manifest, PullCount, Tag } from "./schema/contents.ts";

const tags = endpoint(
  "GET /repositories/:name+/-/tags",
  {
    id: "listTags",
    summary: "List a repository's tags, at most 100 a page",
    access: "pull",
    query: { ...TAG_LIST, ...PAGE },
    answer: page(Tag),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params, registry }) => {
    const { sort, filter = "" } = query;
    const which = {
      sort,
      descending: query.order === "desc",
      filter: filter.toLowerCase(),
      attachments: withAttachments(sort, query.attachments),
    };
    const place = { after: tagPlace(sort, query.after), limit: shortPage(query).limit };
    const { rows, end } = await registry.summaries.tags(params.name, which, place);
    const scans = await registry.scans.ofTags(params.name, rows);
    const items = rows.map(({ updatedAt, lastPulled, ...tag }) => ({
      ...contentJson(tag),
      vulnerabilities: scans.get(tag.digest) ?? null,
      updatedAt: timestamp(updatedAt),
      lastPulledAt: someDay(lastPulled),
    }));
    return { items, next: end === null ? null : tagCursor(sort, end) };
  },
);

const manifests = endpoint(
  "GET /repositories/:name+/-/manifests",
  {
    id: "listManifests",
    summary: "List a repository's manifests, at most 100 a page",
    access: "pull",
    query: { ...MANIFEST_LIST, ...PAGE },
    answer: page(Manifest),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params, registry }) => {
    const { sort, order, kind, tagged } = query;
    const which = { sort, descending: order === "desc", kind, tagged };
    const place = { after: manifestPlace(sort, query.after), limit: shortPage(query).limit };
    const { rows, end } = await registry.summaries.manifests(params.name, which, place);
    return { items: rows.map(manifestJson), next: end === null ? null : manifestCursor(end) };
  },
);

const manifest = endpoint(
  "GET /repositories/:name+/-/manifests/:digest",
  {
    id: "readManifest",
    summary: "Read what a manifest is",
    access: "pull",
    answer: one(Manifest),
    refuses: ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"],
  },
  async ({ params, registry }) =>
    manifestJson(await registry.summaries.manifest(params.name, params.digest)),
);

/** Lists how often each tag was pulled on each day; "" means pulls by digest. */
const pulls = endpoint(
  "GET /repositories/:name+/-/pulls",
  {
    id: "listPulls",
    summary: "List a repository's pulls, by tag and day",
    access: "pull",
    query: {
      since: dayField("since"),
      until: dayField("until", { description: "Not included itself." }),
      ...PAGE,
    },
    answer: page(PullCount),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params, registry }) => {
    const { since = Number.MIN_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER } = query;
    const place = placeOf(query.after);
    const days = { since, until };
    const { counts, end } = await registry.pulls.list(params.name, days, place, query.limit);
    if (counts.length === 0) await registry.summaries.requireRepository(params.name);
    const items = counts.map(({ tag, day, count }) => ({ tag, day: formatDay(day), count }));
    return { items, next: end === null ? null : `${end.tag}:${formatDay(end.day)}` };
  },
);

export const CONTENTS: readonly Endpoint[] = [tags, manifests, manifest, pulls];

export function manifestJson<Row extends ManifestRow & Summary>(row: Row) {
  const { createdAt, pushedAt, lastPulled, ...rest } = row;
  return {
    ...contentJson(rest),
    createdAt: timestamp(createdAt),
    pushedAt: timestamp(pushedAt),
    lastPulledAt: someDay(lastPulled),
  };
}

function someDay(day: number | null): string | null {
  return day === null ? null : formatDay(day);
}

/** Reads a cursor, `<tag>:<day>`; no tag has a colon. */
function placeOf(after: string): { tag: string; day: number } {
  if (after === "") return { tag: "", day: Number.MIN_SAFE_INTEGER };
  const [tag = "", day = ""] = after.split(":");
  if (tag === "" || isTag(tag)) return { tag, day: parseDay(day, "after") };
  throw invalid("after", "is not what the last page ended with");
}
