import type * as v from "valibot";
import { one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { authorize } from "../auth/policy/authorize.ts";
import type { AuthContext } from "../auth/context.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isTag, type RepositoryName, type Tag } from "../oci/reference.ts";
import type { Context } from "../http/context.ts";
import { invalid } from "../http/input.ts";
import { idOf } from "../http/opaque-id.ts";
import type { Purged as PurgeResult } from "./purge-store.ts";
import { Purge, Purged, Restoration, Restored } from "./schema.ts";
import type { Restored as RestoreResult } from "./store.ts";

type Target =
  /** A tag; `digest` selects one of the manifests that it once pointed to, null the one before its last change. */
  | { readonly kind: "tag"; readonly tag: Tag; readonly digest: Digest | null }
  | { readonly kind: "manifest"; readonly digest: Digest }
  /** A repository by its id, "newest", or another word that the endpoint knows. */
  | { readonly kind: "repository"; readonly which: string };

const WHOLE: RestoreResult = { digest: null, replaced: null, tags: [], manifests: [] };
const EMPTY: PurgeResult = { tags: [], blobs: 0, sharedBlobs: 0 };

const restore = endpoint(
  "POST /repositories/:name+/-/restore",
  {
    id: "restore",
    summary: "Restore a tag, a manifest or the repository",
    access: "delete",
    requiresFor: [
      {
        // Who may delete a manifest may bring it back. A tag is moved, as by a push; a repository takes who may delete it.
        rule: "To restore a tag the caller must also be able to push, to restore the repository also to maintain it.",
        check: ({ body, actor, params, auth }) => {
          const { kind } = targetOf(body);
          if (kind === "tag") authorize(actor, "push", params.name, auth);
          if (kind === "repository") authorize(actor, "maintain", params.name, auth);
        },
      },
    ],
    body: Restoration,
    answer: one(Restored),
    refuses: [
      "CONFLICT",
      "IMMUTABLE",
      "MANIFEST_UNKNOWN",
      "NAME_UNKNOWN",
      "NOT_FOUND",
      "QUOTA_EXCEEDED",
    ],
  },
  async (call) => ({
    repository: call.params.name,
    ...(await restoreTarget(call, targetOf(call.body))),
  }),
);

const purge = endpoint(
  "POST /repositories/:name+/-/purge",
  {
    id: "purge",
    summary: "Delete a tag, a manifest or the repository for good",
    access: "maintain",
    body: Purge,
    answer: one(Purged),
    refuses: [
      "CONFLICT",
      "IMMUTABLE",
      "MANIFEST_UNKNOWN",
      "NAME_UNKNOWN",
      "NOT_FOUND",
      "REFERENCED",
    ],
  },
  async (call) => {
    const target = targetOf(call.body);
    if (target.kind === "tag" && target.digest !== null) {
      throw invalid("digest", "goes without the tag: a tag is purged with all that it pointed to");
    }
    return { repository: call.params.name, ...(await purgeTarget(call, target)) };
  },
);

export const TRASH: readonly Endpoint[] = [restore, purge];

async function restoreTarget(
  { params, initiator, auth, registry }: Context<"name">,
  target: Target,
): Promise<RestoreResult> {
  const { name } = params;
  switch (target.kind) {
    case "tag":
      return registry.trash.restoreTag(name, target.tag, target.digest, initiator);
    case "manifest":
      return registry.trash.restoreManifest(name, target.digest, initiator);
    case "repository":
      await registry.deletions.restore(name, generationOf(target.which, auth), initiator);
      return WHOLE;
  }
}

async function purgeTarget(
  { params, initiator, auth, registry }: Context<"name">,
  target: Target,
): Promise<PurgeResult> {
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
function targetOf({ tag, digest, repository }: v.InferOutput<typeof Restoration>): Target {
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
