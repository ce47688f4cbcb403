/** Deletions of tags and manifests: what goes, and how it comes back. */
import type { Manifest, Tag } from "../../../api/schema/contents.ts";
import { call, path } from "../../api/client.ts";

/** One request's deletion: a tag, or a manifest with all its tags. */
export interface Target {
  /** null: the manifest itself is deleted. */
  readonly tag: string | null;
  readonly digest: string;
  /** The tags that go with the manifest, as far as they are known. */
  readonly tags: readonly string[];
  readonly size: number | null;
}

/** A tag lists this many of its aliases; it may have more. */
const MAX_ALIASES = 10;

/**
 * Says what goes when tags are deleted. Immutable ones stay.
 * @param withImages whether images go too that have no other tags; images that have some lose the chosen ones only
 */
export function planTags(tags: readonly Tag[], withImages: boolean): Target[] {
  const movable = tags.filter(({ immutable }) => !immutable);
  const chosen = new Set(movable.map(({ name }) => name));
  const digests = new Map<string, Target>();
  const single: Target[] = [];
  for (const { name, digest, size, aliases } of movable) {
    const isWhole =
      withImages && aliases.length < MAX_ALIASES && aliases.every((alias) => chosen.has(alias));
    const known = digests.get(digest);
    if (!isWhole) single.push({ tag: name, digest, tags: [name], size: null });
    else digests.set(digest, { tag: null, digest, tags: [...(known?.tags ?? []), name], size });
  }
  return [...digests.values(), ...single];
}

export function planManifests(
  manifests: readonly Pick<Manifest, "digest" | "tags" | "size">[],
): Target[] {
  return manifests.map(({ digest, tags, size }) => ({ tag: null, digest, tags, size }));
}

/** @throws ApiError */
export function deleteTarget(name: string, { tag, digest }: Target): Promise<void> {
  return call(path`/repositories/${name}/-/manifests/${tag ?? digest}`, { method: "DELETE" });
}

/** Brings back what was deleted, the last first, as far as it can. @throws the first ApiError */
export async function restoreAll(name: string, targets: readonly Target[]): Promise<void> {
  const errors: unknown[] = [];
  for (const target of targets.toReversed()) {
    try {
      await restore(name, target);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/**
 * A manifest comes back with the tags that went with it, and a tag with what it pointed to when it was deleted, which
 * may not be what it pointed to when it was chosen.
 */
async function restore(name: string, { tag, digest }: Target): Promise<void> {
  const body = tag === null ? { digest } : { tag };
  await call(path`/repositories/${name}/-/restore`, { method: "POST", body });
}
