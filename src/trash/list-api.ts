import { rangesOf } from "../auth/policy/ranges.ts";
import type { Signing } from "../auth/login/jwt.ts";
import { isDigest } from "../oci/digest.ts";
import { isTag, parseNamespace, type RepositoryName, type Tag } from "../oci/reference.ts";
import type {
  DeletedManifest,
  DeletedRepository,
  ManifestPlace,
  RepositoryPlace,
} from "./list-store.ts";
import type { Context } from "../http/context.ts";
import { listDeleted } from "../http/visible.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import { invalid } from "../http/input.ts";
import { listing, pageOf, pageResponse } from "../http/list.ts";
import { opaqueId } from "../http/opaque-id.ts";
import { contentJson, timestamp } from "../http/resource.ts";

/** The cursor of the first page. */
const FIRST = ":0:0";

/** Lists what the repository's tags pointed to, the last change first, as long as it can be restored. */
export async function tags(context: Context<"name">): Promise<Response> {
  const { url, params, settings, registry } = context;
  const page = pageOf(url.searchParams);
  const tag = tagOf(url.searchParams);
  const past = { since: Date.now() - settings.trashMs, after: page.after || null };
  const found = await registry.history.tags(params.name, tag, { ...past, limit: page.limit });
  if (found.length === 0) await registry.summaries.requireRepository(params.name);
  const items = found.map(({ changedAt, changedBy, ...entry }) => ({
    ...entry,
    ...moment("changedAt", changedAt, context),
    changedBy,
  }));
  return listing(url, page, items, ({ id }) => id);
}

/** Lists the repository's deleted manifests, the last one first, as long as they can be restored. */
export async function manifests(context: Context<"name">): Promise<Response> {
  const { url, params, settings, registry } = context;
  const page = pageOf(url.searchParams);
  const past = { since: Date.now() - settings.trashMs, after: manifestPlace(page.after) };
  const found = await registry.history.manifests(params.name, { ...past, limit: page.limit });
  if (found.length === 0) await registry.summaries.requireRepository(params.name);
  const items = found.map((manifest) => toJson(manifest, context));
  return listing(url, page, items, ({ deletedAt, digest }) => `${Date.parse(deletedAt)}:${digest}`);
}

/** Lists the deleted repositories that the caller may maintain, by name, as long as they can be restored. */
export async function repositories(context: Context): Promise<Response> {
  const { url, actor, auth, settings, registry } = context;
  const { after, limit } = pageOf(url.searchParams);
  const namespace = url.searchParams.get("namespace");
  const { found, searchedTo } = await listDeleted(registry, actor, {
    within: rangesOf(namespace === null ? "*" : `${parseNamespace(namespace)}/*`),
    after: repositoryPlace(after === "" ? FIRST : await decrypted(after, auth.signing)),
    limit,
    since: Date.now() - settings.trashMs,
  });
  const items = found.slice(0, limit - 1);
  const next = found.length === limit ? (items.at(-1) ?? null) : searchedTo;
  const cursor =
    next === null ? null : await encryptCursor(keyOf(next), "deleted-repositories", auth.signing);
  return pageResponse(
    url,
    items.map((one) => shownRepository(one, context)),
    cursor,
  );
}

/** A place names a row's number, by which others could count: nobody sees it. */
async function decrypted(after: string, signing: Signing): Promise<string> {
  const place = await decryptCursor(after, "deleted-repositories", signing);
  if (place !== after) return place;
  throw invalid("after", "is not what the last page ended with");
}

function toJson({ deletedAt, deletedBy, ...manifest }: DeletedManifest, context: Context) {
  return { ...contentJson(manifest), ...moment("deletedAt", deletedAt, context), deletedBy };
}

function shownRepository({ id, name, deletedAt, deletedBy }: DeletedRepository, context: Context) {
  return {
    id: opaqueId(id, context.auth.signing),
    name,
    ...moment("deletedAt", deletedAt, context),
    deletedBy,
  };
}

/** Formats when something was deleted or changed, and until when it can be restored. */
function moment<Field extends string>(field: Field, time: number, { settings }: Context) {
  const fields = { [field]: timestamp(time), restorableUntil: timestamp(time + settings.trashMs) };
  return fields as Record<Field | "restorableUntil", string>;
}

function tagOf(query: URLSearchParams): Tag | null {
  const tag = query.get("tag");
  if (tag === null || isTag(tag)) return tag;
  throw invalid("tag", "is no tag");
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
