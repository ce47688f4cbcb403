/** Deleted content as it is found later: for tests of restoring. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { idAt } from "../../src/db/audit.ts";
import { RegistryClient } from "./client.ts";
import { blob, type Content, describe, imageManifest, type Manifest } from "./images.ts";
import { type CallOptions, done } from "./management.ts";
import { newNamespace } from "./principals.ts";

export const DAY = 86_400_000;

export interface Restored {
  readonly repository: string;
  readonly digest: string | null;
  readonly replaced: string | null;
  readonly tags: readonly string[];
  readonly manifests: readonly string[];
}

export interface Purged {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly blobs: number;
  readonly sharedBlobs: number;
}

export function restore(repository: string, body: object, options?: CallOptions) {
  return done<Restored>("POST", `/repositories/${repository}/-/restore`, body, options);
}

export function purge(repository: string, body: object, options?: CallOptions) {
  return done<Purged>("POST", `/repositories/${repository}/-/purge`, body, options);
}

/** Deletes manifests with their tags, all at the same moment, as retention does. An index comes before its children. */
export async function deleteTogether(
  repository: string,
  digests: readonly string[],
  now = Date.now(),
): Promise<void> {
  const of = `repository_id = (SELECT id FROM repositories WHERE name = ?1)`;
  const each = digests.flatMap((digest) => [
    env.DB.prepare(
      `INSERT INTO tag_history (repository_id, id, tag, digest, changed_at)
       SELECT repository_id, ?3 || lower(hex(randomblob(8))), name, digest, ?4 FROM tags
       WHERE ${of} AND digest = ?2`,
    ).bind(repository, digest, idAt(now), now),
    env.DB.prepare(`DELETE FROM tags WHERE ${of} AND digest = ?2`).bind(repository, digest),
    env.DB.prepare(`UPDATE manifests SET deleted_at = ?3 WHERE ${of} AND digest = ?2`).bind(
      repository,
      digest,
      now,
    ),
  ]);
  await env.DB.batch(each);
}

/** Makes the repository's deletions, or its own, so much older. */
export async function age(repository: string, by: number): Promise<void> {
  const of = `(SELECT id FROM repositories WHERE coalesce(former_name, name) = ?1)`;
  await env.DB.batch([
    env.DB.prepare(
      `UPDATE manifests SET deleted_at = deleted_at - ?2 WHERE repository_id IN ${of}`,
    ).bind(repository, by),
    env.DB.prepare(
      `UPDATE tag_history SET changed_at = changed_at - ?2,
         id = printf('%012x', changed_at - ?2) || substr(id, 13)
       WHERE repository_id IN ${of}`,
    ).bind(repository, by),
    env.DB.prepare(
      `UPDATE repositories SET deleted_at = deleted_at - ?2 WHERE former_name = ?1`,
    ).bind(repository, by),
  ]);
}

export async function newClient(): Promise<RegistryClient> {
  return new RegistryClient({ repository: `${await newNamespace()}/app` });
}

export interface Image {
  readonly config: Content;
  readonly layer: Content;
  readonly manifest: Manifest;
}

/** Pushes an image of its own. @param fields of its manifest */
export async function push(
  client: RegistryClient,
  reference?: string,
  fields = {},
): Promise<Image> {
  const [config, layer] = [await client.pushBlob(blob()), await client.pushBlob(blob())];
  const manifest = imageManifest({ config, layers: [layer], fields });
  await client.pushManifest(manifest, reference ?? manifest.digest);
  return { config, layer, manifest };
}

export async function remove(client: RegistryClient, reference: string): Promise<void> {
  const response = await client.request("DELETE", `manifests/${reference}`);
  expect(response.status, await response.text()).toBe(202);
}

export async function digestOf(client: RegistryClient, reference: string): Promise<string | null> {
  const response = await client.head(`manifests/${reference}`);
  return response.headers.get("docker-content-digest");
}

export async function isWhole(
  client: RegistryClient,
  { config, layer, manifest }: Image,
): Promise<void> {
  expect(await client.pullManifest(manifest.digest)).toEqual(manifest.bytes);
  for (const { digest, bytes } of [config, layer]) {
    expect(await client.pullBlob(digest)).toEqual(bytes);
  }
}

export function about(subject: Manifest) {
  return { subject: describe(subject, subject.mediaType) };
}

export function path(client: RegistryClient, verb = "restore"): string {
  return `/repositories/${client.repository}/-/${verb}`;
}

export async function protect(client: RegistryClient, tags: string): Promise<void> {
  await env.DB.prepare(`UPDATE repositories SET immutable_tags = ?2 WHERE name = ?1`)
    .bind(client.repository, JSON.stringify([{ tags }]))
    .run();
}
