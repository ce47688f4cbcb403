import { type Actor, may } from "../auth/policy/access.ts";
import { intersect, type NameRange, namesAfter, reachOf } from "../auth/policy/ranges.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { Registry } from "../compose.ts";
import type { DeletedRepository, RepositoryPlace } from "../trash/list-store.ts";
import type { StoredRepository } from "../db/repositories.ts";

/**
 * Lists of what an actor may see. Where a page ends, and whether there is a next one, depends on that alone: a page that
 * ended early for what is hidden behind it would tell the hidden names, one request at a time.
 */

/** A namespace has at most MAX_REPOSITORIES, so it is searched whole; of so many namespaces in one request. */
const MAX_NAMESPACES = 5;

/** How far one range, or several that are the actor's anyway, is searched. */
interface Effort {
  readonly scans: number;
  /** What one statement brings; null for as much as a page has. */
  readonly size: number | null;
}

const WHOLE: Effort = { scans: Infinity, size: 2_000 };
/** Over many namespaces: an administrator's token alone, limited to such as `*-web`, has such a range. */
const WIDE: Effort = { scans: 10, size: 2_000 };
/** Of the actor's own, what is past restoring is passed over. */
const OWN: Effort = { scans: 10, size: null };

/** Above every name. */
const ABOVE = "~";
/** Above every time and id. */
const NEVER = 999_999_999_999_999;

/** Which names are asked for, after which place, and at most how many. */
interface Wanted<Place> {
  readonly within: readonly NameRange[];
  readonly after: Place;
  readonly limit: number;
}

export interface Visible<Item, Place> {
  readonly found: readonly Item[];
  /** The last place that was looked at, where the search did not come to its end: it goes on after that. */
  readonly searchedTo: Place | null;
}

/** The repositories that an actor may pull, and the public ones: for the management API's list and the catalog. */
export async function listVisible(
  { repositoryLists }: Pick<Registry, "repositoryLists">,
  actor: Actor,
  { within, after, limit }: Wanted<string>,
): Promise<Visible<StoredRepository, string>> {
  const left = intersect(within, namesAfter(after));
  const { sure, sparse } = reachOf(actor, "pull");
  const plain = await repositoryLists.list({ any: intersect(sure, left), public: left }, limit);
  // Nothing beyond the end of a full page is searched for.
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

/** The deleted repositories that an actor may maintain, as long as they can be restored. */
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
  /** The first of some ranges after a place. */
  readonly scan: (
    ranges: readonly NameRange[],
    after: Place | null,
    most: number,
  ) => Promise<readonly Item[]>;
  readonly isVisible: (item: Item) => boolean;
  /** The place after all of that name. */
  readonly endOf: (name: string) => Place;
}

/** Searches ranges one after the other, each of one namespace whole. */
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

/** Every range of one namespace begins with it and its slash, or is its name alone. */
function isOneNamespace({ from, to }: NameRange): boolean {
  return namespaceOf(from as RepositoryName) === namespaceOf(to as RepositoryName);
}
