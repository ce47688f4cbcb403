/**
 * The registry under test: the one that this run starts, or one that already runs (REGISTRY_URL and
 * ADMIN_PASSWORD). Also a reader of its own for what the clients pushed, so that what is stored is
 * checked without trusting the client that stored it.
 */
import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { startServer } from "../../scripts/server.ts";
import { atEnd } from "./cleanup.ts";
import type { Descriptor } from "./layout.ts";
import { hide } from "./shell.ts";

/** What the edge of edge.ts lets through. */
export const EDGE_LIMIT_MB = 10;

export interface Registry {
  url: string;
  host: string;
  /** Whether it uses plain HTTP, which most clients have to be told. */
  plain: boolean;
  user: string;
  password: string;
  /** The namespace of this run alone, so that a registry in use keeps its content. */
  namespace: string;
  /** One JSON line a request; undefined when this run didn't start the registry. */
  log?: readonly string[];
}

export async function openRegistry(): Promise<Registry> {
  const given = process.env.REGISTRY_URL;
  const namespace = `clients/${randomBytes(4).toString("hex")}`;
  if (given !== undefined) {
    const { origin, host, protocol } = new URL(given);
    const password = process.env.ADMIN_PASSWORD ?? "";
    hide(password);
    return { url: origin, host, plain: protocol === "http:", user: "admin", password, namespace };
  }
  const server = await startServer({
    env: {
      // The suite's own issuer of ID tokens speaks plain HTTP on this machine.
      ALLOW_INSECURE_ISSUERS: "true",
      MAX_REQUEST_BODY_MB: String(EDGE_LIMIT_MB),
    },
  });
  atEnd("stop the registry", () => server.stop());
  hide(server.password);
  const { url, host, password, log } = server;
  return { url, host, plain: true, user: "admin", password, namespace, log };
}

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

export interface Manifest {
  mediaType?: string;
  artifactType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
  subject?: Descriptor;
}

export interface StoredManifest {
  digest: string;
  mediaType: string;
  manifest: Manifest;
}

export interface Request {
  method: string;
  route: string;
  repository: string | null;
  actor: string | null;
  status: number;
}

/** Reads requests and answers from the registry's log; undefined without it. */
export function requests(registry: Registry): Request[] | undefined {
  return registry.log
    ?.filter((line) => line.startsWith("{"))
    .map((line): Request => JSON.parse(line));
}

/** Reads a manifest and checks that its bytes have the digest that the registry says. */
export async function readManifest(
  registry: Registry,
  repository: string,
  reference: string,
): Promise<StoredManifest> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const response = await get(registry, path, { accept: ACCEPT });
  if (response.status !== 200) throw new Error(`GET ${path}: ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const claimed = response.headers.get("docker-content-digest");
  if (claimed !== digest) throw new Error(`${path} has ${digest}, its header says ${claimed}`);
  const mediaType = response.headers.get("content-type") ?? "";
  return { digest, mediaType, manifest: JSON.parse(bytes.toString()) };
}

/** Returns the status of a manifest, which shows whether a delete worked. */
export async function manifestStatus(
  registry: Registry,
  repository: string,
  reference: string,
): Promise<number> {
  const response = await get(registry, `/v2/${repository}/manifests/${reference}`, {
    accept: ACCEPT,
  });
  await response.arrayBuffer();
  return response.status;
}

export async function readJson(registry: Registry, path: string): Promise<unknown> {
  const response = await get(registry, path, {});
  if (response.status !== 200) throw new Error(`GET ${path}: ${response.status}`);
  return response.json();
}

/** Reads a blob, checks its bytes against its digest and returns the digest of the unpacked bytes. */
export async function readBlob(
  registry: Registry,
  repository: string,
  blob: Descriptor,
): Promise<string> {
  const path = `/v2/${repository}/blobs/${blob.digest}`;
  const response = await get(registry, path, {});
  if (response.status !== 200 || response.body === null) {
    throw new Error(`GET ${path}: ${response.status}`);
  }
  const packed = createHash("sha256");
  const plain = createHash("sha256");
  await pipeline(
    Readable.fromWeb(response.body),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        packed.update(chunk);
        yield chunk;
      }
    },
    unpacker(blob.mediaType),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) plain.update(chunk);
    },
  );
  const digest = `sha256:${packed.digest("hex")}`;
  if (digest !== blob.digest) throw new Error(`${path} came with ${digest}`);
  return `sha256:${plain.digest("hex")}`;
}

function unpacker(mediaType: string): Transform {
  if (/[+.]gzip$/.test(mediaType)) return createGunzip();
  if (/[+.]zstd$/.test(mediaType)) return createZstdDecompress();
  return new PassThrough();
}

/** Makes a GET as a client does: after the challenge it gets a token and repeats the request. */
async function get(
  registry: Registry,
  path: string,
  headers: Record<string, string>,
): Promise<Response> {
  const first = await fetch(registry.url + path, { headers });
  if (first.status !== 401) return first;
  await first.arrayBuffer();
  const challenge = first.headers.get("www-authenticate") ?? "";
  const basic = `Basic ${Buffer.from(`${registry.user}:${registry.password}`).toString("base64")}`;
  const authorization = challenge.startsWith("Bearer ") ? await token(challenge, basic) : basic;
  return fetch(registry.url + path, { headers: { ...headers, authorization } });
}

async function token(challenge: string, basic: string): Promise<string> {
  const fields = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  const url = new URL(fields.realm ?? "");
  if (fields.service !== undefined) url.searchParams.set("service", fields.service);
  if (fields.scope !== undefined) url.searchParams.set("scope", fields.scope);
  const response = await fetch(url, { headers: { authorization: basic } });
  if (!response.ok) throw new Error(`no token from ${url.pathname}: ${response.status}`);
  const answer = (await response.json()) as { token?: string };
  return `Bearer ${answer.token ?? ""}`;
}
