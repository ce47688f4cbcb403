import { type Actor, may } from "../auth/policy/access.ts";
import { intersect, type NameRange, namesAfter, reachOf } from "../auth/policy/ranges.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { Registry } from "../compose.ts";
import type { DeletedRepository, RepositoryPlace } from "../trash/list-store.ts";
import type { StoredRepository } from "../db/repositories.ts";

/**
 * Lists of what an actor may see. The end of a page, and whether there is a next one, depend only on visible entries: a
 * page that ended early because of hidden ones would reveal their names, one request at a time.
 */

/** The most namespaces searched in one request. Each is searched to its end, as it has at most MAX_REPOSITORIES. */
const MAX_NAMESPACES = 5;

/** The limits of a search in one range, or in several that the actor sees entirely. */
interface Effort {
  readonly scans: number;
  /** Rows of one statement; null for as many as the page has. */
  readonly size: number | null;
}

const WHOLE: Effort = { scans: Infinity, size: 2_000 };
/** For a range over many namespaces: only an administrator's token with a limit such as `*-web` has one. */
const WIDE: Effort = { scans: 10, size: 2_000 };
/** For ranges that the actor sees entirely: only those that can no longer be restored are left out. */
const OWN: Effort = { scans: 10, size: null };

/** Sorts after every name. */
const ABOVE = "~";
/** Later than every time, and larger than every id. */
const NEVER = 999_999_999_999_999;

/** The names to search, the cursor after which the page begins, and its length. */
interface Wanted<Place> {
  readonly within: readonly NameRange[];
  readonly after: Place;
  readonly limit: number;
}

export interface Visible<Item, Place> {
  readonly found: readonly Item[];
  /** The last cursor that was searched when the search stopped early, where the next page begins; null at the end. */
  readonly searchedTo: Place | null;
}

/** Lists the repositories that an actor may pull, and the public ones, for the management API and the catalog. */
export async function listVisible(
  { repositoryLists }: Pick<Registry, "repositoryLists">,
  actor: Actor,
  { within, after, limit }: Wanted<string>,
): Promise<Visible<StoredRepository, string>> {
  const left = intersect(within, namesAfter(after));
  const { sure, sparse } = reachOf(actor, "pull");
  const plain = await repositoryLists.list({ any: intersect(sure, left), public: left }, limit);
  // Names after a full page are not searched for.
  const end = plain.length < limit ? ABOVE : (plain.at(-1)?.name ?? ABOVE);
  const ranges = intersect(intersect(sparse, left), [{ from: "", to: end }]);
  const how: Search<RepositoryName, string> = {
    scan: async ([range], last, most) => {
      const [rest] = range === undefined ? [] : intersect([range], namesAfter(last ?? ""));
      return rest === undefined ? [] : repositoryLists.names(rest, most);
    },
    isVisible: (name) => may(actor, "pull", name),
    endOf: (name) => name,
  };
  const { found: names, searchedTo } = await searchEach(ranges, limit, how);
  const known = new Set(plain.map(({ name }) => name));
  const others = await repositoryLists.named(names.filter((name) => !known.has(name)));
  const every = [...plain, ...others].filter(({ name }) => name <= (searchedTo ?? ABOVE));
  const found = every.toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
  return { found, searchedTo };
}

/** Lists the deleted repositories that an actor may maintain and that can still be restored. */
export async function listDeleted(
  { history }: Pick<Registry, "history">,
  actor: Actor,
  { within, after, limit, since }: Wanted<RepositoryPlace> & { readonly since: number },
): Promise<Visible<DeletedRepository, RepositoryPlace>> {
  const { sure, sparse } = reachOf(actor, "maintain");
  const left = intersect(within, [{ from: after.name, to: ABOVE }]);
  const how: Search<DeletedRepository, RepositoryPlace> = {
    scan: (ranges, last, most) => {
      const place = last ?? after;
      const rest = intersect(ranges, [{ from: place.name, to: ABOVE }]);
      return history.repositories(rest, place, most);
    },
    isVisible: ({ name, deletedAt }) => deletedAt > since && may(actor, "maintain", name),
    endOf: (name) => ({ name: name as RepositoryName, deletedAt: NEVER, id: NEVER }),
  };
  const own = await search(intersect(sure, left), limit, OWN, how);
  const others = await searchEach(intersect(sparse, left), limit, how);
  const ends = [own, others].flatMap(({ searchedTo }) => searchedTo ?? []);
  const [searchedTo = null] = ends.toSorted(byPlace);
  const every = [...own.found, ...others.found].filter(
    (one, i) =>
      (searchedTo === null || byPlace(one, searchedTo) <= 0) &&
      (i < own.found.length || !own.found.some(({ id }) => id === one.id)),
  );
  return { found: every.toSorted(byPlace).slice(0, limit), searchedTo };
}

function byPlace(a: RepositoryPlace, b: RepositoryPlace): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.deletedAt - b.deletedAt || a.id - b.id;
}

interface Search<Item extends Place, Place> {
  /** Reads the first rows of some ranges after a cursor. */
  readonly scan: (
    ranges: readonly NameRange[],
    after: Place | null,
    most: number,
  ) => Promise<readonly Item[]>;
  readonly isVisible: (item: Item) => boolean;
  /** Returns the cursor after all entries of a name. */
  readonly endOf: (name: string) => Place;
}

/** Searches ranges one after the other; a range within one namespace is searched to its end. */
async function searchEach<Item extends Place, Place>(
  ranges: readonly NameRange[],
  limit: number,
  how: Search<Item, Place>,
): Promise<Visible<Item, Place>> {
  const found: Item[] = [];
  for (const [i, range] of ranges.entries()) {
    if (found.length >= limit) break;
    if (i === MAX_NAMESPACES) return { found, searchedTo: how.endOf(ranges[i - 1]?.to ?? "") };
    const effort = isOneNamespace(range) ? WHOLE : WIDE;
    const part = await search([range], limit - found.length, effort, how);
    found.push(...part.found);
    if (part.searchedTo !== null) return { found, searchedTo: part.searchedTo };
  }
  return { found, searchedTo: null };
}

async function search<Item extends Place, Place>(
  ranges: readonly NameRange[],
  limit: number,
  effort: Effort,
  { scan, isVisible }: Search<Item, Place>,
): Promise<Visible<Item, Place>> {
  const found: Item[] = [];
  let last: Item | null = null;
  const size = effort.size ?? limit;
  for (let scans = 0; scans < effort.scans; scans++) {
    const some: readonly Item[] = await scan(ranges, last, size);
    found.push(...some.filter(isVisible));
    last = some.at(-1) ?? null;
    const isWhole = some.length < size || found.length >= limit;
    if (isWhole) return { found: found.slice(0, limit), searchedTo: null };
  }
  return { found, searchedTo: last };
}

/** Returns whether a range lies in one namespace: it begins with the namespace and a slash, or is its name alone. */
function isOneNamespace({ from, to }: NameRange): boolean {
  return namespaceOf(from as RepositoryName) === namespaceOf(to as RepositoryName);
}
