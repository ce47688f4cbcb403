import { type Actor, type Grant, may } from "../auth/policy/access.ts";
import { rangesFor } from "../auth/policy/ranges.ts";
import type { Registry } from "../compose.ts";
import type { Candidate, FoundRow, Reach, Wanted } from "../db/repository-search.ts";
import type { Visibility } from "../db/repositories.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";

export const SEARCH_SORTS = ["relevance", "updated", "name"] as const;
export type SearchSort = (typeof SEARCH_SORTS)[number];

export interface SearchQuery {
  readonly text: string;
  readonly visibility: Visibility | null;
  readonly sort: SearchSort;
}

/** The sort key of an entry: a number, the lowest first, and then its name. */
export interface SearchPlace {
  readonly rank: number;
  readonly name: string;
}

export interface SearchResult {
  readonly rows: readonly FoundRow[];
  /** Where the page ended, if more follow. */
  readonly end: SearchPlace | null;
  readonly matches: number;
  /** Whether `matches` are all. */
  readonly complete: boolean;
}

const MAX_WORDS = 10;
/** The most namespaces that the index of words is asked for; with more, names are compared afterwards. */
const MAX_NAMESPACES = 100;

/**
 * Searches names, descriptions and labels for what an actor may pull, and what is public. Each word of the text has to
 * begin a word there. The rank of a match depends on nothing that is hidden from the actor.
 */
export async function searchRepositories(
  { search }: Pick<Registry, "search">,
  actor: Actor,
  query: SearchQuery,
  { after, limit }: { readonly after: SearchPlace | null; readonly limit: number },
): Promise<SearchResult> {
  const words = wordsIn(query.text);
  if (words.length === 0 && query.text.trim() !== "") return NOTHING;
  const wanted: Wanted = { words, reach: reachOf(actor), visibility: query.visibility };
  const { candidates, isComplete } = await search.candidates(wanted);
  const visible = candidates.filter(
    ({ name, visibility }) => visibility === "public" || may(actor, "pull", name),
  );
  const sort = words.length === 0 && query.sort === "relevance" ? "updated" : query.sort;
  const ranked = visible
    .map(({ id, ...candidate }) => ({
      id,
      name: candidate.name,
      rank: rankOf(candidate, sort, words),
    }))
    .toSorted(byPlace)
    .filter((place) => after === null || byPlace(place, after) > 0);
  const page = ranked.slice(0, limit);
  const rows = new Map(
    (await search.rows(page.map(({ id }) => id))).map((row) => [row.id, row] as const),
  );
  const last = page.at(-1);
  return {
    rows: page.flatMap(({ id }) => rows.get(id) ?? []),
    end: ranked.length > limit && last !== undefined ? { rank: last.rank, name: last.name } : null,
    matches: visible.length,
    complete: isComplete,
  };
}

const NOTHING: SearchResult = { rows: [], end: null, matches: 0, complete: true };

/** Splits a text as the index of words does, at everything but letters and digits. */
function wordsIn(text: string): string[] {
  const words = text.normalize("NFC").match(/[\p{L}\p{N}\p{Co}]+/gu) ?? [];
  return [...new Set(words)].slice(0, MAX_WORDS);
}

function reachOf(actor: Actor): Reach {
  const ranges = rangesFor(actor, "pull");
  const patterns = {
    grants: patternsOf(actor.grants),
    limits: actor.limits === null ? null : patternsOf(actor.limits),
  };
  const namespaces = new Set<ReturnType<typeof namespaceOf>>();
  for (const { from, to } of ranges) {
    const namespace = namespaceOf(from as RepositoryName);
    if (namespace === "" || namespace !== namespaceOf(to as RepositoryName)) {
      return { ranges, patterns, namespaces: null };
    }
    namespaces.add(namespace);
  }
  return {
    ranges,
    patterns,
    namespaces: namespaces.size > MAX_NAMESPACES ? null : [...namespaces],
  };
}

/** The patterns that give pull, those of what is public included. */
function patternsOf(grants: readonly Grant[]): string[] {
  const giving = grants.filter(({ rights }) => rights.includes("pull"));
  return [...new Set(giving.map(({ pattern }) => pattern))];
}

/** Returns the rank of a match, the lowest first. */
function rankOf(
  { name, tier, pushedAt }: Omit<Candidate, "id">,
  sort: SearchSort,
  words: readonly string[],
): number {
  if (sort === "name") return 0;
  if (sort === "updated") return -pushedAt;
  const last = name.slice(name.lastIndexOf("/") + 1);
  const [first = ""] = words;
  // A name that is the word itself comes first, then one that begins with it.
  const fit = last === first.toLowerCase() ? 0 : last.startsWith(first.toLowerCase()) ? 1 : 2;
  return tier * 3 + (tier === 0 ? fit : 0);
}

function byPlace(a: SearchPlace, b: SearchPlace): number {
  return a.rank - b.rank || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
