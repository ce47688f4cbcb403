import type { Context } from "../http/context.ts";
import { listing } from "../http/list.ts";
import { contentPage } from "./manifests.ts";
import { contentJson, timestamp } from "../http/resource.ts";

/** Lists the tags, each with a description of its manifest. */
export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const page = contentPage(url);
  const found = await registry.summaries.tags(params.name, page);
  const items = found.map(({ updatedAt, ...tag }) => ({
    ...contentJson(tag),
    updatedAt: timestamp(updatedAt),
  }));
  return listing(url, page, items, ({ name }) => name);
}
