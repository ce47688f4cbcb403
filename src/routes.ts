import { API_ROUTES } from "./api/routes.ts";
import type { Route } from "./http/route.ts";
import { V2_ROUTES } from "./v2/routes.ts";

/** All endpoints of the Worker, with the access that each one needs. */
export const ROUTES: readonly Route[] = [...V2_ROUTES, ...API_ROUTES];
