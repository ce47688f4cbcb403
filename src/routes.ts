import { API_ROUTES } from "./api/routes.ts";
import type { Route } from "./http/route.ts";
import { V2_ROUTES } from "./v2/routes.ts";
import { WEB_ROUTES } from "./web/routes.ts";

/** All endpoints of the Worker, with the access that each one needs. */
export const ROUTES: readonly Route[] = [...V2_ROUTES, ...API_ROUTES, ...WEB_ROUTES];

/** The form of a refusal: the errors of the OCI spec, or a problem document (RFC 9457). */
export type Surface = "oci" | "problem";

/** The form of the refusals below a path, whether or not it has a route. */
export function surfaceOf({ pathname }: URL): Surface {
  return pathname.startsWith("/api/") ? "problem" : "oci";
}
