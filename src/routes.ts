import { API_ROUTES } from "./api/routes.ts";
import type { Route } from "./http/route.ts";
import { V2_ROUTES } from "./v2/routes.ts";

/** Every endpoint of the Worker, with who may call it. */
export const ROUTES: readonly Route[] = [...V2_ROUTES, ...API_ROUTES];
