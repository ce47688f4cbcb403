/** Pushes and pulls of one body: to Slipway as clients do them, to the bare Worker in one call. */
import type { Body } from "./bodies.ts";
import type { Send } from "./client.ts";
import { authorization, type Bare, type Slipway } from "./subjects.ts";

export interface Push {
  readonly body: Body;
  readonly send: Send;
}

/** A Slipway server with the repository and the token to use there. */
export interface Repository {
  readonly slipway: Slipway;
  readonly name: string;
  readonly headers: { readonly authorization: string };
}

export async function openRepository(slipway: Slipway, name: string): Promise<Repository> {
  return { slipway, name, headers: await authorization(slipway, name) };
}

/** Docker, podman, skopeo, crane: POST, one PATCH of unknown length with everything, an empty PUT with the digest. */
export async function pushAsDocker(to: Repository, { body, send }: Push): Promise<void> {
  const { headers } = to;
  const patch = { method: "PATCH", headers, body, chunked: true, expect: 202 };
  const patched = await send({ ...patch, url: await openUpload(to, send) });
  const url = finishUrl(to, patched.headers.location, body.digest);
  await send({ method: "PUT", url, headers, expect: 201 });
}

/** containerd, BuildKit, oras, helm: POST, then everything with its length and digest in the PUT. */
export async function pushWhole(to: Repository, { body, send }: Push): Promise<void> {
  const { headers } = to;
  const url = finishUrl(to, await openUpload(to, send), body.digest);
  await send({ method: "PUT", url, headers, body, expect: 201 });
}

export function pullUrl({ slipway, name }: Repository, digest: string): string {
  return `${slipway.url}/v2/${name}/blobs/${digest}`;
}

export async function pushBareMultipart(bare: Bare, { body, send }: Push): Promise<void> {
  const url = `${bare.url}/multipart/${hexOf(body)}`;
  await send({ method: "PUT", url, body, chunked: true, expect: 201 });
}

/** @param checksum whether R2 shall verify the bytes, as every registry must */
export async function pushBareWhole(
  bare: Bare,
  { body, send }: Push,
  checksum: boolean,
): Promise<void> {
  const query = checksum ? `?sha256=${hexOf(body)}` : "";
  const url = `${bare.url}/object/${hexOf(body)}${query}`;
  await send({ method: "PUT", url, body, expect: 201 });
}

export function barePullUrl(bare: Bare, digest: string): string {
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

async function openUpload({ slipway, name, headers }: Repository, send: Send): Promise<string> {
  const url = `${slipway.url}/v2/${name}/blobs/uploads/`;
  const { location } = (await send({ method: "POST", url, headers, expect: 202 })).headers;
  return new URL(location ?? "", url).href;
}

function finishUrl({ slipway }: Repository, location: string | undefined, digest: string): string {
  const url = new URL(location ?? "", slipway.url);
  url.searchParams.set("digest", digest);
  return url.href;
}

function hexOf({ digest }: Body): string {
  return digest.slice("sha256:".length);
}
