import type { Page } from "../oci/page.ts";
import type { ManifestRow } from "../db/summaries.ts";
import type { Summary } from "../registry/summaries.ts";
import type { Context } from "../http/context.ts";
import { listing, pageOf } from "../http/list.ts";
import { contentJson, timestamp } from "../http/resource.ts";

/** The longest page: the size of each entry is computed, and an image's config may have to be read from R2. */
const MAX_PAGE = 100;

export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = contentPage(url);
  const found = await registry.summaries.manifests(params.name, page);
  return listing(url, page, found.map(toJson), ({ digest }) => digest);
}

export async function read({ params, registry }: Context<"name" | "digest">): Promise<Response> {
  return Response.json(toJson(await registry.summaries.manifest(params.name, params.digest)));
}

export function contentPage(url: URL): Page {
  const { after, limit } = pageOf(url.searchParams);
  return { after, limit: Math.min(limit, MAX_PAGE + 1) };
}

function toJson({ createdAt, ...manifest }: ManifestRow & Summary) {
  return { ...contentJson(manifest), createdAt: timestamp(createdAt) };
}
