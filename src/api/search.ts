/** The search for repositories. */
import { requireSearchPace } from "../http/context.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { SEARCH_SORTS, type SearchPlace, searchRepositories } from "../http/search.ts";
import { pageWith } from "./answer.ts";
import { oneOf, someWord } from "./contents-query.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { PAGE, shortPage } from "./query.ts";
import { FoundRepository, searchTotals } from "./schema/repositories.ts";

const MAX_TEXT = 256;

/** Finds repositories by words in their names, descriptions and labels, among those that the caller may pull. */
const search = endpoint(
  "GET /search",
  {
    id: "searchRepositories",
    summary: "Search the repositories that the caller may pull, at most 100 a page",
    access: "none",
    query: {
      text: {
        name: "q",
        schema: {
          type: "string",
          maxLength: MAX_TEXT,
          description:
            "Words, each of which has to begin a word of the name, the description or the labels. Without any, the first 1000 repositories by name match.",
        },
        parse: (given: string | null) => {
          if ((given?.length ?? 0) <= MAX_TEXT) return given ?? "";
          throw invalid("q", `has more than ${MAX_TEXT} characters`);
        },
      },
      visibility: someWord("visibility", ["private", "public"], "Only those of one visibility."),
      sort: oneOf(
        "sort",
        SEARCH_SORTS,
        "relevance: names before descriptions before labels; without words as updated. updated: the last push first.",
      ),
      ...PAGE,
    },
    answer: pageWith(FoundRepository, searchTotals),
  },
  async (call) => {
    await requireSearchPace(call);
    const { query, actor, registry } = call;
    const { text, visibility, sort } = query;
    const place = { after: placeOf(query.after), limit: shortPage(query).limit };
    const found = await searchRepositories(registry, actor, { text, visibility, sort }, place);
    const { rows, end, matches, complete } = found;
    const items = rows.map(
      ({ name, visibility: seen, description, labels, version, tags, createdAt, pushedAt }) => ({
        name,
        visibility: seen,
        description,
        labels,
        version,
        tags,
        createdAt: timestamp(createdAt),
        updatedAt: pushedAt === null ? null : timestamp(pushedAt),
      }),
    );
    return { items, next: end === null ? null : `${end.rank}@${end.name}`, matches, complete };
  },
);

export const SEARCH: readonly Endpoint[] = [search];

/** @throws FIELD_INVALID */
function placeOf(after: string): SearchPlace | null {
  if (after === "") return null;
  const [, rank, name = ""] = /^(-?\d{1,15})@(.{1,255})$/.exec(after) ?? [];
  if (rank === undefined) throw invalid("after", "is no `next` of a search");
  return { rank: Number(rank), name };
}
