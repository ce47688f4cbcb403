/** Deletions of tags and manifests: what goes, and how it comes back. */
import type { Manifest, Tag } from "../../../api/schema/contents.ts";
import type { Deletions } from "../../../trash/schema.ts";
import { call, path } from "../../api/client.ts";

/** What is deleted by itself: a tag, or a manifest with all its tags. */
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

/** An index goes before what it names, which has to stay as long as the index is there. */
export function planManifests(
  manifests: readonly Pick<Manifest, "digest" | "tags" | "size" | "kind">[],
): Target[] {
  return [
    ...manifests.filter(({ kind }) => kind === "index"),
    ...manifests.filter(({ kind }) => kind !== "index"),
  ].map(({ digest, tags, size }) => ({ tag: null, digest, tags, size }));
}

/** The most that one request deletes. */
export const MAX_AT_ONCE = 100;

export interface Failed {
  readonly target: Target;
  readonly error: Error;
}

/** Deletes what one request can, each by itself. @returns those that were not deleted: all where there is no answer */
export async function deleteTargets(name: string, targets: readonly Target[]): Promise<Failed[]> {
  const body = {
    tags: targets.flatMap(({ tag }) => tag ?? []),
    digests: targets.flatMap(({ tag, digest }) => (tag === null ? digest : [])),
  };
  try {
    const to = path`/repositories/${name}/-/delete`;
    const { items } = await call<Deletions>(to, { method: "POST", body });
    const refusals = new Map(items.map(({ tag, digest, refused }) => [tag ?? digest, refused]));
    return targets.flatMap((target) => {
      const refused = refusals.get(target.tag ?? target.digest) ?? null;
      return refused === null ? [] : { target, error: new Error(refused.detail) };
    });
  } catch (error) {
    return targets.map((target) => ({ target, error: error as Error }));
  }
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
