import { page } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { NAMESPACE, PAGE, paged, shortPage, TAG, withNext } from "../api/query.ts";
import { rangesOf } from "../auth/policy/ranges.ts";
import type { Signing } from "../auth/login/jwt.ts";
import { isDigest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { listDeleted } from "../http/visible.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import { invalid } from "../http/input.ts";
import { opaqueId } from "../http/opaque-id.ts";
import { contentJson, timestamp } from "../http/resource.ts";
import type { ManifestPlace, RepositoryPlace } from "./list-store.ts";
import { DeletedManifest, DeletedRepository, PastTag } from "./schema.ts";

/** The cursor of the first page. */
const FIRST = ":0:0";

/** Lists what the repository's tags pointed to, the last change first, as long as it can be restored. */
const history = endpoint(
  "GET /repositories/:name+/-/history",
  {
    id: "listHistory",
    summary: "List what a repository's tags pointed to, newest first",
    access: "push",
    query: { tag: TAG, ...PAGE },
    answer: page(PastTag),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params: { name }, settings: { trashMs }, registry }) => {
    const { after, limit } = withNext(query);
    const past = { since: Date.now() - trashMs, after: after || null, limit };
    const found = await registry.history.tags(name, query.tag, past);
    if (found.length === 0) await registry.summaries.requireRepository(name);
    const items = found.map(({ changedAt, changedBy, ...entry }) => ({
      ...entry,
      changedAt: timestamp(changedAt),
      restorableUntil: timestamp(changedAt + trashMs),
      changedBy,
    }));
    return paged(query, items, ({ id }) => id);
  },
);

/** Lists the repository's deleted manifests, the last one first, as long as they can be restored. */
const manifests = endpoint(
  "GET /repositories/:name+/-/deleted",
  {
    id: "listDeleted",
    summary: "List a repository's deleted manifests, newest first, at most 100 a page",
    access: "delete",
    query: PAGE,
    answer: page(DeletedManifest),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, params: { name }, settings: { trashMs }, registry }) => {
    const short = shortPage(query);
    const { after, limit } = withNext(short);
    const past = { since: Date.now() - trashMs, after: manifestPlace(after), limit };
    const rows = await registry.history.manifests(name, past);
    // One that is purged meanwhile is left out of the page, and does not end the list.
    const shown = paged(short, rows, ({ deletedAt, digest }) => `${deletedAt}:${digest}`);
    const found = await registry.summaries.measured(name, shown.items);
    const items = found.map((manifest) => ({
      ...contentJson(manifest),
      ...deletion(manifest, trashMs),
    }));
    return { items, next: shown.next };
  },
);

/** Lists the deleted repositories that the caller may maintain, by name, as long as they can be restored. */
const repositories = endpoint(
  "GET /deleted-repositories",
  {
    id: "listDeletedRepositories",
    summary: "List the deleted repositories that the caller may maintain",
    access: "login",
    query: { namespace: NAMESPACE, ...PAGE },
    answer: page(DeletedRepository),
    refuses: ["NAME_INVALID"],
  },
  async ({ query, actor, auth: { signing }, settings: { trashMs }, registry }) => {
    const { namespace, after, limit } = query;
    const { found, searchedTo } = await listDeleted(registry, actor, {
      within: rangesOf(namespace === null ? "*" : `${namespace}/*`),
      after: repositoryPlace(after === "" ? FIRST : await decrypted(after, signing)),
      limit: limit + 1,
      since: Date.now() - trashMs,
    });
    const shown = found.slice(0, limit);
    const next = found.length > limit ? (shown.at(-1) ?? null) : searchedTo;
    return {
      items: shown.map((one) => ({
        id: opaqueId(one.id, signing),
        name: one.name,
        ...deletion(one, trashMs),
      })),
      next: next && (await encryptCursor(keyOf(next), "deleted-repositories", signing)),
    };
  },
);

export const TRASH_LISTS: readonly Endpoint[] = [history, manifests, repositories];

/** A place names a row's number, by which others could count: nobody sees it. */
async function decrypted(after: string, signing: Signing): Promise<string> {
  const place = await decryptCursor(after, "deleted-repositories", signing);
  if (place !== after) return place;
  throw invalid("after", "is not what the last page ended with");
}

/** Formats when something was deleted and by whom, and until when it can be restored. */
function deletion(
  { deletedAt, deletedBy }: { readonly deletedAt: number; readonly deletedBy: string | null },
  trashMs: number,
) {
  return {
    deletedAt: timestamp(deletedAt),
    restorableUntil: timestamp(deletedAt + trashMs),
    deletedBy,
  };
}

function manifestPlace(after: string): ManifestPlace | null {
  if (after === "") return null;
  const [, time = "", digest = ""] = /^(\d{1,15}):(.*)$/.exec(after) ?? [];
  if (isDigest(digest)) return { deletedAt: Number(time), digest };
  throw invalid("after", "is not what the last page ended with");
}

/** Formats a cursor as `<name>:<time>:<id>`; no name has a colon. */
function keyOf({ name, deletedAt, id }: RepositoryPlace): string {
  return `${name}:${deletedAt}:${id}`;
}

function repositoryPlace(place: string): RepositoryPlace {
  const [, name = "", time = "", id = ""] = /^(.*):(\d{1,15}):(\d{1,15})$/.exec(place) ?? [];
  return { name: name as RepositoryName, deletedAt: Number(time), id: Number(id) };
}
