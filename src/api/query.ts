import type { Route } from "../http/route.ts";
import { invalid } from "../http/input.ts";
import { ENDPOINTS, parameterOf } from "./openapi.ts";

/** The query fields of each operation, by `<method> <path>`. */
const FIELDS: ReadonlyMap<string, readonly string[]> = new Map(
  ENDPOINTS.map(({ method, path, query = [] }) => [`${method} ${path}`, query.map(parameterOf)]),
);

/**
 * Refuses unknown query fields: a misspelt filter would be ignored.
 * @throws FIELD_INVALID for a field that the operation does not have, or that comes twice
 */
export function requireKnownFields({ method, path }: Route, query: URLSearchParams): void {
  if (query.size === 0) return;
  const template = path.replace("/api/v1", "").replaceAll(/:(\w+)\+?/g, "{$1}");
  const known = FIELDS.get(`${method} ${template}`) ?? [];
  for (const field of query.keys()) {
    if (!known.includes(field)) {
      const others = known.length === 0 ? "none" : known.join(", ");
      throw invalid(field, `is no field of this query; it has: ${others}`);
    }
    if (query.getAll(field).length > 1) throw invalid(field, "give it once");
  }
}
