import { catalogReader } from "../auth/policy/access.ts";
import { rangesOf } from "../auth/policy/ranges.ts";
import { RegistryError } from "../oci/errors.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import type { Context } from "../http/context.ts";
import { nextLink, oneMore, parsePage, turnPage } from "../http/pagination.ts";
import { listVisible } from "../http/visible.ts";

/** end-8: lists the tags in byte order. */
export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = parsePage(url.searchParams);
  const found = await registry.tags.list(params.name, oneMore(page));
  if (found === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name: params.name } });
  const { entries, headers } = turnPage(found, page, url.pathname);
  return Response.json({ name: params.name, tags: entries }, { headers });
}

/** Docker's _catalog: the repositories that the caller may pull, as the management API lists them. */
export async function listRepositories(context: Context): Promise<Response> {
  const { url, actor, auth, registry } = context;
  const page = parsePage(url.searchParams);
  const { found, searchedTo } = await listVisible(registry, catalogReader(actor, auth.publicPull), {
    within: rangesOf("*"),
    after: await decryptCursor(page.after, "catalog", auth.signing),
    limit: page.limit + 1,
  });
  const names = found.map(({ name }) => name);
  const { entries, headers } = turnPage(names, page, url.pathname);
  if (searchedTo === null || names.length > page.limit) {
    return Response.json({ repositories: entries }, { headers });
  }
  // The search ended before the page was full. The caller may not see the name where it ended, so the cursor is
  // encrypted.
  const last = await encryptCursor(searchedTo, "catalog", auth.signing);
  const link = nextLink(url.pathname, last, { n: String(page.limit) });
  return Response.json({ repositories: entries }, { headers: link });
}
