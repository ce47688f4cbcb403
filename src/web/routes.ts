import * as health from "../v2/health.ts";
import type { Context } from "../http/context.ts";
import { type Route, route } from "../http/route.ts";
import { asset } from "./asset.ts";
import { page } from "./page.ts";

/** The paths of the console's pages. Each page mirrors a path of the API below /api/v1. */
const PAGES = [
  "/login",
  "/repositories/*",
  "/namespaces/*",
  "/vulnerable-images",
  "/account/*",
  "/admin/*",
] as const;

/** The console: its pages, and the static assets that they load. */
export const WEB_ROUTES: readonly Route[] = [
  route("console", "GET /", "none", home),
  ...PAGES.map((path) => route("console", `GET ${path}`, "none", page)),
  route("console", "GET /assets/*", "none", asset),
];

/** Answers browsers with the console, and load balancers, which check "/" by default, with a line of text. */
function home(context: Context): Response | Promise<Response> {
  const wantsHtml = context.request.headers.get("accept")?.includes("text/html") === true;
  return wantsHtml ? page(context) : health.root();
}
