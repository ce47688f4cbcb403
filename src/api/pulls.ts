import { isTag } from "../oci/reference.ts";
import type { Context } from "../http/context.ts";
import { invalid } from "../http/input.ts";
import { pageOf, pageResponse } from "../http/list.ts";
import { dayOf, formatDay } from "../http/time.ts";

/** Lists how often each tag was pulled on each day; "" means pulls by digest. */
export async function list({ url, params, registry }: Context<"name">): Promise<Response> {
  const query = url.searchParams;
  const { after, limit } = pageOf(query);
  const days = {
    since: dayOf(query, "since") ?? Number.MIN_SAFE_INTEGER,
    until: dayOf(query, "until") ?? Number.MAX_SAFE_INTEGER,
  };
  const place = placeOf(after);
  const { counts, end } = await registry.pulls.list(params.name, days, place, limit - 1);
  if (counts.length === 0) await registry.summaries.requireRepository(params.name);
  const items = counts.map(({ tag, day, count }) => ({ tag, day: formatDay(day), count }));
  return pageResponse(url, items, end === null ? null : `${end.tag}:${formatDay(end.day)}`);
}

/** Reads a cursor, `<tag>:<day>`; no tag has a colon. */
function placeOf(after: string): { tag: string; day: number } {
  if (after === "") return { tag: "", day: Number.MIN_SAFE_INTEGER };
  const [tag = "", day = ""] = after.split(":");
  const parsed = dayOf(new URLSearchParams({ after: day }), "after");
  if ((tag === "" || isTag(tag)) && parsed !== undefined) return { tag, day: parsed };
  throw invalid("after", "is not what the last page ended with");
}
