/** All that the page of one manifest shows. */
import { may } from "../auth/policy/access.ts";
import { contentJson, timestamp } from "../http/resource.ts";
import { formatDay } from "../http/time.ts";
import type { Referrer as StoredReferrer } from "../registry/details.ts";
import { one, page } from "./answer.ts";
import { manifestJson } from "./contents.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { PAGE, paged, shortPage, withNext } from "./query.ts";
import { ManifestDetails, Referrer } from "./schema/contents.ts";

const details = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/details",
  {
    id: "readManifestDetails",
    summary: "Read all that is known of a manifest: its layers, children, referrers and pulls",
    access: "pull",
    answer: one(ManifestDetails),
    refuses: ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"],
  },
  async ({ params: { name, digest }, actor, registry }) => {
    const manifest = await registry.summaries.manifest(name, digest);
    const { pulls, history, referrers, ...more } = await registry.details.read(name, digest);
    return {
      ...manifestJson(manifest),
      ...more,
      referrers: referrers.map(referrerJson),
      // As the list of the history, which says who moved a tag.
      history: may(actor, "push", name)
        ? history.map(({ changedAt, ...use }) => ({ ...use, changedAt: timestamp(changedAt) }))
        : null,
      pulls: pulls.map(({ day, count }) => ({ day: formatDay(day), count })),
    };
  },
);

const referrers = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/referrers",
  {
    id: "listReferrers",
    summary: "List what refers to a manifest, at most 100 a page",
    access: "pull",
    query: PAGE,
    answer: page(Referrer),
    refuses: ["MANIFEST_UNKNOWN"],
  },
  async ({ params: { name, digest }, query, registry }) => {
    const place = shortPage(query);
    const found = await registry.details.referrers(name, digest, withNext(place));
    return paged(place, found.map(referrerJson), (referrer) => referrer.digest);
  },
);

export const DETAILS: readonly Endpoint[] = [details, referrers];

function referrerJson({ createdAt, ...referrer }: StoredReferrer) {
  return { ...contentJson(referrer), createdAt: timestamp(createdAt) };
}
