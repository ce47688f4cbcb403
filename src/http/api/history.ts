import { may } from "../../auth/access.ts";
import { intersect, type NameRange, rangesFor, rangesOf } from "../../auth/ranges.ts";
import { isDigest } from "../../oci/digest.ts";
import { isRepositoryName, isTag, parseNamespace, type Tag } from "../../oci/reference.ts";
import type {
  DeletedManifest,
  DeletedRepository,
  ManifestPlace,
  RepositoryPlace,
} from "../../registry/registry.ts";
import type { Context } from "../context.ts";
import { seal, unseal } from "./cursor.ts";
import { invalid } from "./input.ts";
import { listing, pageOf, pageResponse } from "./listing.ts";
import { shownContent } from "./manifests.ts";
import { timestamp } from "./resource.ts";

/** As for the repositories that are there: many of those that are looked through may not be the caller's. */
const MAX_SEARCHED_PAGES = 10;
/** Above all names. */
const ABOVE = "~";

/** What the repository's tags pointed to, the last change first, as long as it can be restored. */
export async function tags(context: Context<"name">): Promise<Response> {
  const { url, params, settings, registry } = context;
  const page = pageOf(url.searchParams);
  const tag = tagOf(url.searchParams);
  const past = { since: Date.now() - settings.undoAge, after: page.after || null };
  const found = await registry.history.tags(params.name, tag, { ...past, limit: page.limit });
  if (found.length === 0) await registry.contents.requireRepository(params.name);
  const items = found.map(({ changedAt, changedBy, ...entry }) => ({
    ...entry,
    ...moment("changedAt", changedAt, context),
    changedBy,
  }));
  return listing(url, page, items, ({ id }) => id);
}

/** The repository's deleted manifests, the last first, as long as they can be restored. */
export async function manifests(context: Context<"name">): Promise<Response> {
  const { url, params, settings, registry } = context;
  const page = pageOf(url.searchParams);
  const past = { since: Date.now() - settings.undoAge, after: manifestPlace(page.after) };
  const found = await registry.history.manifests(params.name, { ...past, limit: page.limit });
  if (found.length === 0) await registry.contents.requireRepository(params.name);
  const items = found.map((manifest) => shown(manifest, context));
  return listing(url, page, items, ({ deletedAt, digest }) => `${Date.parse(deletedAt)}:${digest}`);
}

/** The deleted repositories that the caller may maintain, by name, as long as they can be restored. */
export async function repositories(context: Context): Promise<Response> {
  const { url, actor, realm, settings, registry } = context;
  const page = pageOf(url.searchParams);
  const namespace = url.searchParams.get("namespace");
  const within = rangesOf(namespace === null ? "*" : `${parseNamespace(namespace)}/*`);
  const mine = intersect(within, rangesFor(actor, "maintain"));
  const since = Date.now() - settings.undoAge;
  const visible: DeletedRepository[] = [];
  let after = repositoryPlace(await unseal(page.after, "deleted-repositories", realm.signing));
  for (let i = 0; i < MAX_SEARCHED_PAGES; i++) {
    const ranges = intersect(mine, namesFrom(after.name));
    const some = await registry.history.repositories(ranges, after, page.limit);
    visible.push(
      ...some.filter(({ name, deletedAt }) => deletedAt > since && may(actor, "maintain", name)),
    );
    const last = some.at(-1);
    const isWhole = visible.length >= page.limit;
    if (last === undefined || some.length < page.limit || isWhole) {
      const items = visible.slice(0, page.limit - 1).map((one) => shownRepository(one, context));
      const end = visible[page.limit - 2];
      return pageResponse(url, items, isWhole && end !== undefined ? keyOf(end) : null);
    }
    after = last;
  }
  const items = visible.map((one) => shownRepository(one, context));
  return pageResponse(url, items, await seal(keyOf(after), "deleted-repositories", realm.signing));
}

function shown({ deletedAt, deletedBy, ...manifest }: DeletedManifest, context: Context) {
  return { ...shownContent(manifest), ...moment("deletedAt", deletedAt, context), deletedBy };
}

function shownRepository({ id, name, deletedAt, deletedBy }: DeletedRepository, context: Context) {
  return { id: String(id), name, ...moment("deletedAt", deletedAt, context), deletedBy };
}

/** When it happened, and until when it can be undone. */
function moment<Field extends string>(field: Field, time: number, { settings }: Context) {
  const fields = { [field]: timestamp(time), restorableUntil: timestamp(time + settings.undoAge) };
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

/** `<name>:<time>:<id>`; no name has a colon. */
function keyOf({ name, deletedAt, id }: RepositoryPlace): string {
  return `${name}:${deletedAt}:${id}`;
}

function repositoryPlace(after: string): RepositoryPlace {
  const [, name = "", time = "", id = ""] = /^(.*):(\d{1,15}):(\d{1,15})$/.exec(after) ?? [];
  if (isRepositoryName(name)) return { name, deletedAt: Number(time), id: Number(id) };
  if (after === "") return { name: "" as RepositoryPlace["name"], deletedAt: 0, id: 0 };
  throw invalid("after", "is not what the last page ended with");
}

function namesFrom(name: string): NameRange[] {
  return [{ from: name, to: ABOVE }];
}
