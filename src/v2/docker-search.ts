/**
 * What `docker search` asks for. It belongs to no spec that is still kept: moby's client asks for /v1/_ping first, and
 * reads the answer of /v1/search as its registry package does.
 */
import { catalogReader } from "../auth/policy/access.ts";
import { type Context, requireSearchPace } from "../http/context.ts";
import { searchRepositories } from "../http/search.ts";
import { RegistryError } from "../oci/errors.ts";

/** docker's own default and limit. */
const DEFAULT_RESULTS = 25;
const MAX_RESULTS = 100;

/**
 * Says that this is no standalone registry: to one, docker sends a name and password even if it has none, which would
 * be refused.
 */
export function ping(): Response {
  return Response.json({}, { headers: { "x-docker-registry-standalone": "false" } });
}

/** Searches what the caller may pull; without credentials, what is public. */
export async function search(context: Context): Promise<Response> {
  await requireSearchPace(context);
  const { url, actor, auth, registry } = context;
  const text = (url.searchParams.get("q") ?? "").slice(0, 256);
  const query = { text, visibility: null, sort: "relevance" } as const;
  const page = { after: null, limit: parseCount(url.searchParams.get("n")) };
  const reader = catalogReader(actor, auth.publicPull);
  const { rows } = await searchRepositories(registry, reader, query, page);
  const results = rows.map(({ name, description }) => ({
    name,
    description,
    star_count: 0,
    is_official: false,
    is_automated: false,
  }));
  return Response.json({ query: text, num_results: results.length, results });
}

/** @throws REQUEST_INVALID */
function parseCount(given: string | null): number {
  if (given === null || given === "") return DEFAULT_RESULTS;
  if (/^\d+$/.test(given)) return Math.min(Number(given), MAX_RESULTS);
  throw new RegistryError("REQUEST_INVALID", { message: "n must be a whole number" });
}
