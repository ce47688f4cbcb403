import { RegistryError } from "../oci/errors.ts";
import type { Context } from "./context.ts";
import { oneMore, parsePage, turnPage } from "./pagination.ts";

/** end-8: the tags, sorted by their bytes. */
export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = parsePage(url.searchParams);
  const found = await registry.tags.list(params.name, oneMore(page));
  if (found === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name: params.name } });
  const { entries, headers } = turnPage(found, page, url.pathname);
  return Response.json({ name: params.name, tags: entries }, { headers });
}

/** Docker's _catalog: all repositories. */
export async function listRepositories({ url, registry }: Context): Promise<Response> {
  const page = parsePage(url.searchParams);
  const found = await registry.tags.listRepositories(oneMore(page));
  const { entries, headers } = turnPage(found, page, url.pathname);
  return Response.json({ repositories: entries }, { headers });
}
