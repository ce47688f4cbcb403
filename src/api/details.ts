/** All that the page of one manifest shows. */
import { may } from "../auth/policy/access.ts";
import { contentJson, timestamp } from "../http/resource.ts";
import { formatDay } from "../http/time.ts";
import { one } from "./answer.ts";
import { manifestJson } from "./contents.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { ManifestDetails } from "./schema/contents.ts";

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
      referrers: referrers.map(({ createdAt, ...referrer }) => ({
        ...contentJson(referrer),
        createdAt: timestamp(createdAt),
      })),
      // As the list of the history, which says who moved a tag.
      history: may(actor, "push", name)
        ? history.map(({ changedAt, ...use }) => ({ ...use, changedAt: timestamp(changedAt) }))
        : null,
      pulls: pulls.map(({ day, count }) => ({ day: formatDay(day), count })),
    };
  },
);

export const DETAILS: readonly Endpoint[] = [details];
