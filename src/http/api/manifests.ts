import type { Page } from "../../oci/page.ts";
import type { ManifestRow, Measured } from "../../registry/registry.ts";
import type { Context } from "../context.ts";
import { listing, pageOf } from "./listing.ts";
import { timestamp } from "./resource.ts";

/** Each entry is measured, and an image's config may have to be read from R2. */
const MAX_PAGE = 100;

export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = contentPage(url);
  const found = await registry.contents.manifests(params.name, page);
  return listing(url, page, found.map(shown), ({ digest }) => digest);
}

export async function read({ params, registry }: Context<"name" | "digest">): Promise<Response> {
  return Response.json(shown(await registry.contents.manifest(params.name, params.digest)));
}

export function contentPage(url: URL): Page {
  const { after, limit } = pageOf(url.searchParams);
  return { after, limit: Math.min(limit, MAX_PAGE + 1) };
}

/** Without a type of its own, an artifact's is nothing, not "". */
export function shownContent<T extends { readonly artifactType: string }>(content: T) {
  return { ...content, artifactType: content.artifactType === "" ? null : content.artifactType };
}

function shown({ createdAt, ...manifest }: ManifestRow & Measured) {
  return { ...shownContent(manifest), createdAt: timestamp(createdAt) };
}
