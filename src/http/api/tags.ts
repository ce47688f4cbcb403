import type { Context } from "../context.ts";
import { listing } from "./listing.ts";
import { contentPage, shownContent } from "./manifests.ts";
import { timestamp } from "./resource.ts";

/** The tags, with what each one stands for. */
export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = contentPage(url);
  const found = await registry.contents.tags(params.name, page);
  const items = found.map(({ updatedAt, ...tag }) => ({
    ...shownContent(tag),
    updatedAt: timestamp(updatedAt),
  }));
  return listing(url, page, items, ({ name }) => name);
}
