import { RegistryError } from "../oci/errors.ts";
import type { Context } from "./context.ts";
import { nextLink, parsePage } from "./pagination.ts";

/** end-8: the tags, sorted by their bytes. */
export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = parsePage(url.searchParams);
  const tags = await registry.tags.list(params.name, { ...page, limit: page.limit + 1 });
  if (tags === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name: params.name } });
  const shown = tags.slice(0, page.limit);
  const last = shown.at(-1);
  const more = tags.length > shown.length && last !== undefined;
  const headers = more ? nextLink(url.pathname, last, { n: String(page.limit) }) : {};
  return Response.json({ name: params.name, tags: shown }, { headers });
}

/** Docker's _catalog: all repositories. */
export async function listRepositories({ url, registry }: Context): Promise<Response> {
  const page = parsePage(url.searchParams);
  const names = await registry.tags.listRepositories({ ...page, limit: page.limit + 1 });
  const shown = names.slice(0, page.limit);
  const last = shown.at(-1);
  const more = names.length > shown.length && last !== undefined;
  const headers = more ? nextLink(url.pathname, last, { n: String(page.limit) }) : {};
  return Response.json({ repositories: shown }, { headers });
}
