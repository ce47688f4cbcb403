import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";

/** The longest page; a request for more gets this many entries and a Link to the rest. */
const MAX_PAGE = 1_000;

/** Reads `?n=` and `?last=`. @throws REQUEST_INVALID unless `n` is a whole number */
export function parsePage(query: URLSearchParams): Page {
  const n = query.get("n") || null;
  if (n !== null && !/^\d+$/.test(n)) {
    throw new RegistryError("REQUEST_INVALID", { message: "n must be a whole number" });
  }
  const limit = n === null ? MAX_PAGE : Math.min(Number(n), MAX_PAGE);
  return { after: query.get("last") ?? "", limit };
}

/** Asks for one entry more than the page, which shows whether there is a next page. */
export function oneMore(page: Page): Page {
  return { ...page, limit: page.limit + 1 };
}

/** Returns the page's entries, and the Link to the next page if there is one; none after an empty page (`n=0`). */
export function turnPage(
  found: readonly string[],
  { limit }: Page,
  path: string,
): { readonly entries: readonly string[]; readonly headers: Record<string, string> } {
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  const more = found.length > limit && last !== undefined;
  return { entries, headers: more ? nextLink(path, last, { n: String(limit) }) : {} };
}

/**
 * Makes the Link to the page after `last` (RFC 8288). It is relative, so it is valid under every name of the registry.
 * @param parameters the other parameters that the next request has to repeat
 */
export function nextLink(
  path: string,
  last: string,
  parameters: Readonly<Record<string, string>>,
): Record<string, string> {
  const query = new URLSearchParams({ ...parameters, last });
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
