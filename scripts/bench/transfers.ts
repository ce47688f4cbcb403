/** Pushes and pulls of one body: to a registry as clients do them, to the bare Worker in one call. */
import type { Body } from "./bodies.ts";
import type { Send } from "./client.ts";
import type { Registry } from "./subjects.ts";
import type { Subject } from "./subject.ts";

export interface Push {
  readonly body: Body;
  readonly send: Send;
}

/** A repository of a registry, with the headers that its requests need. */
export interface Repository {
  readonly url: string;
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
}

export async function openRepository(registry: Registry, name: string): Promise<Repository> {
  return { url: registry.url, name, headers: await registry.headers(name) };
}

/** Docker, podman, skopeo, crane: POST, one PATCH of unknown length with everything, an empty PUT with the digest. */
export async function pushAsDocker(to: Repository, { body, send }: Push): Promise<void> {
  const { headers } = to;
  const typed = { ...headers, "content-type": "application/octet-stream" };
  const patch = { method: "PATCH", headers: typed, body, chunked: true, expect: 202 };
  const patched = await send({ ...patch, url: await openUpload(to, send) });
  const url = finishUrl(to, patched.headers.location, body.digest);
  await send({ method: "PUT", url, headers, expect: 201 });
}

/** containerd, BuildKit, oras, helm: POST, then everything with its length and digest in the PUT. */
export async function pushWhole(to: Repository, { body, send }: Push): Promise<void> {
  const headers = { ...to.headers, "content-type": "application/octet-stream" };
  const url = finishUrl(to, await openUpload(to, send), body.digest);
  await send({ method: "PUT", url, headers, body, expect: 201 });
}

export function pullUrl({ url, name }: Pick<Repository, "url" | "name">, digest: string): string {
  return `${url}/v2/${name}/blobs/${digest}`;
}

export async function pushBareMultipart(bare: Subject, { body, send }: Push): Promise<void> {
  const url = `${bare.url}/multipart/${hexOf(body)}`;
  await send({ method: "PUT", url, body, chunked: true, expect: 201 });
}

/** R2 verifies the bytes, as every registry must. */
export async function pushBareWhole(bare: Subject, { body, send }: Push): Promise<void> {
  const url = `${bare.url}/object/${hexOf(body)}?sha256=${hexOf(body)}`;
  await send({ method: "PUT", url, body, expect: 201 });
}

export function barePullUrl(bare: Subject, digest: string): string {
  return `${bare.url}/object/${digest.slice("sha256:".length)}`;
}

interface Pull {
  readonly send: Send;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Fails unless every byte comes back as it was sent. */
export async function verify({ send, url, headers }: Pull, body: Body): Promise<void> {
  const answer = await send({ method: "GET", url, headers, expect: 200, hash: true });
  if (answer.digest !== body.digest) throw new Error(`GET ${url}: wrong bytes`);
}

async function openUpload(to: Repository, send: Send): Promise<string> {
  const url = `${to.url}/v2/${to.name}/blobs/uploads/`;
  const { location } = (await send({ method: "POST", url, headers: to.headers, expect: 202 }))
    .headers;
  return new URL(location ?? "", url).href;
}

/** The Location keeps its query, and the digest is added to it. */
function finishUrl(to: Repository, location: string | undefined, digest: string): string {
  const url = new URL(location ?? "", to.url);
  url.searchParams.set("digest", digest);
  return url.href;
}

export function hexOf({ digest }: Pick<Body, "digest">): string {
  return digest.slice("sha256:".length);
}
