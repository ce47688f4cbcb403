import type * as v from "valibot";
import { none, one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { isDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { isTag, type Reference } from "../oci/reference.ts";
import { invalid } from "../http/input.ts";
import { type Deleted, Deletion, Deletions, MAX_DELETED } from "./schema.ts";

/** Deletes as `DELETE /v2/<name>/manifests/<reference>` does, which takes no sessions. */
const remove = endpoint(
  "DELETE /repositories/:name+/-/manifests/:reference",
  {
    id: "deleteManifest",
    summary: "Delete a tag, or by its digest a manifest with all its tags",
    access: "delete",
    answer: none,
    refuses: ["DIGEST_INVALID", "IMMUTABLE", "MANIFEST_UNKNOWN", "REFERENCED"],
  },
  ({ params: { name, reference }, initiator, registry }) =>
    registry.manifests.delete(name, reference, initiator),
);

/**
 * Deletes each by itself, as its own request would: what must stay keeps nothing else from going. One waits for the
 * other, since an index has to go before what it names.
 */
const removeMany = endpoint(
  "POST /repositories/:name+/-/delete",
  {
    id: "deleteManifests",
    summary: `Delete up to ${MAX_DELETED} tags and manifests, each by itself`,
    access: "delete",
    body: Deletion,
    answer: one(Deletions),
  },
  async ({ params: { name }, body, initiator, registry }) => {
    const items: Deleted[] = [];
    for (const reference of referencesOf(body)) {
      const refused = await refusalOf(registry.manifests.delete(name, reference, initiator));
      const { kind } = reference;
      items.push({
        tag: kind === "tag" ? reference.tag : null,
        digest: kind === "digest" ? reference.digest : null,
        refused,
      });
    }
    return { repository: name, items };
  },
);

export const DELETIONS: readonly Endpoint[] = [remove, removeMany];

/** @returns what the refusal says, null if there was none. @throws any other error */
async function refusalOf(deletion: Promise<void>): Promise<Deleted["refused"]> {
  try {
    await deletion;
    return null;
  } catch (error) {
    if (error instanceof RegistryError) return { code: error.reason, detail: error.message };
    throw error;
  }
}

/** @throws FIELD_INVALID unless it names at least one and not too many */
function referencesOf({ tags, digests }: v.InferOutput<typeof Deletion>): Reference[] {
  const references = [
    ...[...new Set(tags)].map((tag): Reference => {
      if (isTag(tag)) return { kind: "tag", tag };
      throw invalid("tags", "one of them is no tag");
    }),
    ...[...new Set(digests)].map((digest): Reference => {
      if (isDigest(digest)) return { kind: "digest", digest };
      throw invalid("digests", "expected sha256:<64 hex> or sha512:<128 hex>, in lower case");
    }),
  ];
  if (references.length > 0 && references.length <= MAX_DELETED) return references;
  throw invalid("", `name 1 to ${MAX_DELETED} tags and digests together`);
}
