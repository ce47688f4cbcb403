/** The contents of a repository: its tags, its manifests, and its pulls. */
import * as v from "valibot";
import { isTag } from "../oci/reference.ts";
import type { ManifestRow } from "../db/summaries.ts";
import { invalid } from "../http/input.ts";
import { contentJson, timestamp } from "../http/resource.ts";
import { formatDay, parseDay } from "../http/time.ts";
import type { Summary } from "../registry/summaries.ts";
import { one, page } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { dayField, PAGE, paged, shortPage, withNext } from "./query.ts";
import { Manifest, PullCount, Tag } from "./schema/contents.ts";

const SHORT = v.omit(Manifest, ["kind", "pushedAt", "lastPulledAt"]);
const tags = endpoint(
  "GET /repositories/:name+/-/tags",
  {
    id: "listTags",
    summary: "List a repository's tags, at most 100 a page",
    access: "pull",
    query: PAGE,
    answer: page(
      v.pick(Tag, [
        "name",
        "digest",
        "mediaType",
        "artifactType",
        "size",
        "platforms",
        "updatedAt",
      ]),
    ),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params, registry }) => {
    const short = shortPage(query);
    const found = await registry.summaries.tags(params.name, withNext(short));
    const items = found.map(({ updatedAt, ...tag }) => ({
      ...contentJson(tag),
      updatedAt: timestamp(updatedAt),
    }));
    return paged(short, items, ({ name }) => name);
  },
);

const manifests = endpoint(
  "GET /repositories/:name+/-/manifests",
  {
    id: "listManifests",
    summary: "List a repository's manifests, at most 100 a page",
    access: "pull",
    query: PAGE,
    answer: page(SHORT),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params, registry }) => {
    const short = shortPage(query);
    const found = await registry.summaries.manifests(params.name, withNext(short));
    return paged(short, found.map(toJson), ({ digest }) => digest);
  },
);

const manifest = endpoint(
  "GET /repositories/:name+/-/manifests/:digest",
  {
    id: "readManifest",
    summary: "Read what a manifest is",
    access: "pull",
    answer: one(SHORT),
    refuses: ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"],
  },
  async ({ params, registry }) =>
    toJson(await registry.summaries.manifest(params.name, params.digest)),
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

function toJson({ createdAt, ...row }: ManifestRow & Summary) {
  return { ...contentJson(row), createdAt: timestamp(createdAt) };
}

/** Reads a cursor, `<tag>:<day>`; no tag has a colon. */
function placeOf(after: string): { tag: string; day: number } {
  if (after === "") return { tag: "", day: Number.MIN_SAFE_INTEGER };
  const [tag = "", day = ""] = after.split(":");
  if (tag === "" || isTag(tag)) return { tag, day: parseDay(day, "after") };
  throw invalid("after", "is not what the last page ended with");
}
