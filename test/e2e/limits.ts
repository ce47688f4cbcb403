/** Limits besides rights: tags that cannot be moved, and namespaces that are full. */
import { readManifest, type Registry } from "./registry.ts";
import type { Visitor } from "./visitor.ts";

/** The message of a client that prints the registry's message; other clients print the status. */
export const NAMES_RULE = /\btag \S+ is immutable by the rule/i;
export const NAMES_QUOTA = /(?:denied|error from registry)\W.*beyond the quota of/i;
export const CONFLICT = /\b409\b|conflict|immutable/i;

/** Pushes another image as the repository's v2, and makes all of its tags immutable. */
export async function freeze(
  registry: Registry,
  repository: string,
  { tags = { v1: "v1", v2: "v2" } }: Visitor,
): Promise<void> {
  const { manifest, mediaType } = await readManifest(registry, repository, tags.v1);
  const other = { ...manifest, annotations: { "org.example.by": "the suite" } };
  const path = `/v2/${repository}/manifests/${tags.v2}`;
  await send(registry, `PUT ${path}`, { type: mediaType, body: other });
  const immutableTags = [{ tags: "*" }];
  const rules = { type: "application/json", body: { immutableTags } };
  await send(registry, `PATCH /api/v1/repositories/${repository}`, rules);
}

/** Limits the number of the namespace's repositories; null for no limit. */
export async function limitRepositories(
  registry: Registry,
  namespace: string,
  repositories: number | null,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/quota`;
  await send(registry, `PUT ${path}`, { type: "application/json", body: { repositories } });
}

async function send(
  { url, user, password }: Registry,
  endpoint: string,
  { type, body }: { type: string; body: object },
): Promise<void> {
  const [method = "", path = ""] = endpoint.split(" ");
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const headers = { authorization, "content-type": type };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  const said = await response.text();
  if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${said}`);
}
