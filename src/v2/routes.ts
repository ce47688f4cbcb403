import * as blobs from "./blobs.ts";
import * as dockerSearch from "./docker-search.ts";
import * as health from "./health.ts";
import * as manifests from "./manifests.ts";
import * as referrers from "./referrers.ts";
import * as tags from "./tags.ts";
import * as token from "./token.ts";
import * as uploads from "./uploads.ts";
import * as version from "./version.ts";
import { type Route, route } from "../http/route.ts";

/** The endpoints of the OCI distribution spec, the token service and the health checks. Each GET also answers HEAD. */
export const V2_ROUTES: readonly Route[] = [
  { ...route("end-1", "GET /v2", "token", version.read), revocation: "none" },
  // A denied HEAD of a blob has no body and so no reason, and a client that looks for a blob before it pushes would stop
  // at a bare 403. After a 404 it goes on to the request whose refusal says why (RFC 9110 § 15.5.4 lets 404 hide a 403).
  {
    ...route("end-2", "GET /v2/:name+/blobs/:digest", "pull", blobs.read),
    deniedHead: "BLOB_UNKNOWN",
  },
  route("end-3", "GET /v2/:name+/manifests/:reference", "pull", manifests.read),
  // What is recorded is the repository that a push to a new name creates, at the latest with the blob.
  {
    ...route("end-4", "POST /v2/:name+/blobs/uploads", "push", uploads.start),
    records: "creations",
  },
  {
    ...ofUpload(route("end-5", "PATCH /v2/:name+/blobs/uploads/:upload", "push", uploads.append)),
    records: "nothing",
  },
  ofUpload(route("end-6", "PUT /v2/:name+/blobs/uploads/:upload", "push", uploads.finish)),
  route("end-7", "PUT /v2/:name+/manifests/:target", "push", manifests.write),
  route("end-8", "GET /v2/:name+/tags/list", "pull", tags.list),
  route("end-9", "DELETE /v2/:name+/manifests/:reference", "delete", manifests.remove),
  route("end-10", "DELETE /v2/:name+/blobs/:digest", "delete", blobs.remove),
  route("end-12", "GET /v2/:name+/referrers/:digest", "pull", referrers.list),
  ofUpload(route("end-13", "GET /v2/:name+/blobs/uploads/:upload", "push", uploads.status)),
  {
    ...ofUpload(route("end-14", "DELETE /v2/:name+/blobs/uploads/:upload", "push", uploads.cancel)),
    records: "nothing",
  },
  route("catalog", "GET /v2/_catalog", "catalog", tags.listRepositories),
  route("docker-search", "GET /v1/_ping", "none", dockerSearch.ping),
  { ...route("docker-search", "GET /v1/search", "none", dockerSearch.search), login: "fresh" },
  { ...route("token", "GET /token", "none", token.read), login: "own" },
  { ...route("token", "POST /token", "none", token.write), login: "own", records: "nothing" },
  route("root", "OPTIONS /", "none", health.options),
  route("health", "GET /healthz", "none", health.live),
  route("health", "GET /readyz", "none", health.ready),
];

/** An upload in progress may be continued and ended with a token that has expired since it began. */
function ofUpload(endpoint: Route): Route {
  return { ...endpoint, expired: "allowed" };
}
