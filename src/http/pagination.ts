import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";

/** The longest page; whoever asks for more gets this many and a Link to the rest. */
const MAX_PAGE = 1_000;

/** @throws REQUEST_INVALID unless `n` is a whole number */
export function parsePage(query: URLSearchParams): Page {
  const n = query.get("n");
  if (n !== null && !/^\d{1,15}$/.test(n)) {
    throw new RegistryError("REQUEST_INVALID", { message: "n must be a whole number" });
  }
  const limit = n === null ? MAX_PAGE : Math.min(Number(n), MAX_PAGE);
  return { after: query.get("last") ?? "", limit };
}

/**
 * The Link to the page after `last` (RFC 8288), relative, so that it holds whatever name the registry is reached by.
 * @param parameters what else the next request has to repeat
 */
export function nextLink(
  path: string,
  last: string,
  parameters: Readonly<Record<string, string>>,
): Record<string, string> {
  const query = new URLSearchParams({ ...parameters, last });
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
