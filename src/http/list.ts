import type { Page } from "../oci/page.ts";
import { RegistryError } from "../oci/errors.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;

/** Reads `?limit=` and `?after=`. The page asks for one entry more, which shows whether there is a next page. */
export function pageOf(query: URLSearchParams): Page {
  const limit = query.get("limit") ?? String(DEFAULT_PAGE);
  if (!/^0*[1-9]\d*$/.test(limit)) {
    throw new RegistryError("REQUEST_INVALID", {
      message: "limit must be a whole number from 1 on; no page has more than 1000",
    });
  }
  return { after: query.get("after") ?? "", limit: Math.min(Number(limit), MAX_PAGE) + 1 };
}

/**
 * Makes a page: its items, and the key of its last item as the cursor of the next; the Link repeats the other
 * parameters.
 * @param found one item more than the page has, if there is a next page
 */
export function listing<T>(
  url: URL,
  page: Page,
  found: readonly T[],
  keyOf: (item: T) => string,
): Response {
  const items = found.slice(0, page.limit - 1);
  const last = items.at(-1);
  const next = found.length === page.limit && last !== undefined ? keyOf(last) : null;
  return pageResponse(url, items, next);
}

/**
 * Makes a page of which the length does not tell whether there is a next one: a search may stop before the page is
 * full.
 * @param more further fields of the answer
 */
export function pageResponse(
  url: URL,
  items: readonly unknown[],
  next: string | null,
  more: object = {},
): Response {
  if (next === null) return Response.json({ items, next, ...more });
  const query = new URLSearchParams(url.searchParams);
  query.set("after", next);
  const link = `<${url.pathname}?${query.toString()}>; rel="next"`;
  return Response.json({ items, next, ...more }, { headers: { link } });
}
