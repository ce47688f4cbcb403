import * as v from "valibot";
import { authorize } from "../auth/policy/authorize.ts";
import type { AuthContext } from "../auth/context.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isTag, type RepositoryName, type Tag } from "../oci/reference.ts";
import type { Purged } from "./purge-store.ts";
import type { Restored } from "./store.ts";
import type { Context } from "../http/context.ts";
import { invalid, readJson } from "../http/input.ts";
import { idOf } from "../http/opaque-id.ts";

/** The target to restore or purge: a tag, a manifest, or the repository itself. */
const Body = v.strictObject({
  tag: v.optional(v.string()),
  digest: v.optional(v.string()),
  repository: v.optional(v.string()),
});

type Target =
  /** A tag; `digest` selects one of the manifests that it once pointed to, null the one before its last change. */
  | { readonly kind: "tag"; readonly tag: Tag; readonly digest: Digest | null }
  | { readonly kind: "manifest"; readonly digest: Digest }
  /** A repository by its id, "newest", or another word that the endpoint knows. */
  | { readonly kind: "repository"; readonly which: string };

const WHOLE: Restored = { digest: null, replaced: null, tags: [], manifests: [] };
const EMPTY: Purged = { tags: [], blobs: 0, sharedBlobs: 0 };

export async function restore(context: Context<"name">): Promise<Response> {
  const { request, params, actor, auth } = context;
  const target = targetOf(await readJson(request, Body));
  // Who may delete a manifest may bring it back. A tag is moved, as by a push; a repository takes who may delete it.
  if (target.kind === "tag") authorize(actor, "push", params.name, auth);
  if (target.kind === "repository") authorize(actor, "maintain", params.name, auth);
  const restored = await restoreTarget(context, target);
  return Response.json({ repository: params.name, ...restored });
}

async function restoreTarget(
  { params, initiator, auth, registry }: Context<"name">,
  target: Target,
): Promise<Restored> {
  const { name } = params;
  switch (target.kind) {
    case "tag":
      return registry.undo.restoreTag(name, target.tag, target.digest, initiator);
    case "manifest":
      return registry.undo.restoreManifest(name, target.digest, initiator);
    case "repository":
      await registry.deletions.restore(name, generationOf(target.which, auth), initiator);
      return WHOLE;
  }
}

export async function purge(context: Context<"name">): Promise<Response> {
  const { request, params } = context;
  const target = targetOf(await readJson(request, Body));
  if (target.kind === "tag" && target.digest !== null) {
    throw invalid("digest", "goes without the tag: a tag is purged with all that it pointed to");
  }
  return Response.json({ repository: params.name, ...(await purgeTarget(context, target)) });
}

async function purgeTarget(
  { params, initiator, auth, registry }: Context<"name">,
  target: Target,
): Promise<Purged> {
  const { name } = params;
  switch (target.kind) {
    case "tag":
      return registry.purge.tag(name, target.tag, initiator);
    case "manifest":
      return registry.purge.manifest(name, target.digest, initiator);
    case "repository":
      await purgeRepository(name, target.which, { initiator, auth, registry });
      return EMPTY;
  }
}

function purgeRepository(
  name: RepositoryName,
  which: string,
  { initiator, auth, registry }: Pick<Context, "initiator" | "auth" | "registry">,
): Promise<void> {
  if (which === "live") return registry.deletions.purgeLive(name, initiator);
  return registry.deletions.purge(name, generationOf(which, auth, '"live"'), initiator);
}

/**
 * Parses the body.
 * @throws FIELD_INVALID unless it names exactly one target
 */
function targetOf({ tag, digest, repository }: v.InferOutput<typeof Body>): Target {
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid("digest", "expected sha256:<64 hex> or sha512:<128 hex>, in lower case");
  }
  if (repository !== undefined) {
    if (tag === undefined && digest === undefined) return { kind: "repository", which: repository };
    throw invalid("repository", "goes without a tag or digest: name one thing at a time");
  }
  if (tag !== undefined) {
    if (isTag(tag)) return { kind: "tag", tag, digest: digest ?? null };
    throw invalid("tag", "is no tag");
  }
  if (digest !== undefined) return { kind: "manifest", digest };
  throw invalid("", 'say what: {"tag": …}, {"digest": …} or {"repository": …}');
}

function generationOf(
  which: string,
  { signing }: Pick<AuthContext, "signing">,
  ...others: readonly string[]
): number | "newest" {
  if (which === "newest") return which;
  const id = idOf(which, signing);
  if (id !== null) return id;
  const words = ['"newest"', ...others].join(", ");
  throw invalid("repository", `write ${words} or the id of a deleted repository`);
}
