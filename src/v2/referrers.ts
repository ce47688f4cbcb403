import { OCI_INDEX } from "../oci/media-type.ts";
import type { Context } from "../http/context.ts";
import { nextLink } from "../http/pagination.ts";

/** end-12: lists the referrers of a digest. An unknown digest or repository has none, and is never a 404. */
export async function list({
  url,
  params,
  registry,
}: Context<"name" | "digest">): Promise<Response> {
  // A "+" in a query means a space. A media type has no space, so one here was a "+" that the client did not encode.
  const artifactType = url.searchParams.get("artifactType")?.replaceAll(" ", "+") ?? null;
  const last = url.searchParams.get("last") ?? "";
  const { referrers, next } = await registry.manifests.referrers(
    params.name,
    params.digest,
    artifactType,
    last,
  );
  const filter: Record<string, string> = artifactType === null ? {} : { artifactType };
  return Response.json(
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: referrers },
    {
      headers: {
        "content-type": OCI_INDEX,
        ...(artifactType === null ? {} : { "oci-filters-applied": "artifactType" }),
        ...(next === null ? {} : nextLink(url.pathname, next, filter)),
      },
    },
  );
}
