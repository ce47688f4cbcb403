/**
 * The content before the fuzzing begins: callers of each kind, their repositories, and an image that must not change.
 */
import { OCI_MANIFEST } from "../../src/oci/media-type.ts";
import { blob, type Content, type Descriptor, imageManifest } from "../../test/support/images.ts";
import type { Server } from "../server.ts";
import type { OpenApi, World } from "./requests.ts";

export interface Prepared {
  readonly world: World;
  /** Authorization headers; null for an anonymous caller. */
  readonly callers: readonly (string | null)[];
  readonly admin: string;
  readonly canary: { readonly path: string; readonly digest: string };
}

const REPOSITORIES = ["fuzz/app", "fuzz/app/deep/er", "fuzz/public"];

export async function prepare({ url, password }: Server): Promise<Prepared> {
  const admin = basic("admin", password);
  const call = callerOf(url, admin);
  await call("POST", "/api/v1/namespaces", { name: "fuzz" });
  const owner = await account(call, "owner");
  const reader = await account(call, "reader");
  const canary = await pushImage(call, "canary/image");
  const images: Image[] = [];
  for (const repository of REPOSITORIES) images.push(await pushImage(call, repository));
  await call("PATCH", "/api/v1/repositories/fuzz/public", { visibility: "public" });
  const blobs = images.map(({ config }) => config);
  const manifests = images.map(({ manifest }) => manifest);
  const digests = [...blobs, ...manifests].map(({ digest }) => digest);
  const api = (await call("GET", "/api/v1/openapi.json")) as unknown as OpenApi;
  const names = [...REPOSITORIES, ...digests, "fuzz", "fuzz-owner", "latest", "admin"];
  const { digest } = canary.manifest;
  return {
    world: { repositories: REPOSITORIES, names, blobs, manifests, uploads: [], api },
    callers: [null, "Bearer junk", "Basic junk", owner, owner, owner, reader],
    admin,
    canary: { path: `/v2/canary/image/manifests/${digest}`, digest },
  };
}

type Body = object | Uint8Array<ArrayBuffer>;
type Call = (
  method: string,
  path: string,
  body?: Body,
  type?: string,
) => Promise<Record<string, unknown>>;

/** Makes requests of one caller that must succeed. */
function callerOf(url: string, authorization: string): Call {
  return async (method, path, body, type = "application/json") => {
    const headers = { authorization, "content-type": type };
    const sent = body instanceof Uint8Array ? body : JSON.stringify(body);
    const answer = await fetch(url + path, { method, headers, body: sent });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
}

interface Image {
  readonly config: Descriptor;
  readonly manifest: Descriptor;
}

async function pushImage(call: Call, repository: string): Promise<Image> {
  const config = blob();
  const uploads = `/v2/${repository}/blobs/uploads/?digest=${config.digest}`;
  await call("POST", uploads, config.bytes, "application/octet-stream");
  const manifest = imageManifest({ config });
  await call("PUT", `/v2/${repository}/manifests/latest`, manifest.bytes, OCI_MANIFEST);
  return {
    config: descriptorOf(config, "application/octet-stream"),
    manifest: descriptorOf(manifest, OCI_MANIFEST),
  };
}

function descriptorOf({ digest, bytes }: Content, mediaType: string): Descriptor {
  return { mediaType, digest, size: bytes.length };
}

/** Makes a user with that role in the namespace. @returns the Authorization header */
async function account(call: Call, role: string): Promise<string> {
  const name = `fuzz-${role}`;
  const password = `${role}'s password for the fuzzer`;
  await call("POST", "/api/v1/users", { name, password });
  await call("PUT", `/api/v1/namespaces/fuzz/members/${name}`, { role });
  return basic(name, password);
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}
