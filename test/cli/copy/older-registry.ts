/**
 * A registry unlike Slipway, as there are many: no login, no size for a request, no list of referrers, and blobs are downloaded
 * elsewhere. It keeps all in memory, and does as a test tells it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { digestOf } from "../../support/images.ts";

export interface Stored {
  readonly type: string;
  readonly bytes: Buffer;
}

export interface OlderRegistry {
  readonly host: string;
  readonly url: string;
  readonly blobs: Map<string, Buffer>;
  /** By tag and by digest. */
  readonly manifests: Map<string, Stored>;
  /** Such as "GET /v2/acme/app/tags/list". */
  readonly requests: string[];
  /** Ranges of blobs that were asked for; "" for the whole. */
  readonly ranges: string[];
  /** Answers before the registry does; returns whether it did. */
  interfere: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  stop(): Promise<void>;
}

export async function startOlderRegistry(): Promise<OlderRegistry> {
  const content = createServer((request, response) => sendBlob(registry, request, response));
  const server = createServer((request, response) => {
    registry.requests.push(`${request.method} ${request.url}`);
    if (registry.interfere?.(request, response) === true) return;
    // A client that breaks off gets no answer.
    answer(registry, request, response, portOf(content)).catch(() => response.destroy());
  });
  for (const one of [content, server]) {
    one.listen(0, "127.0.0.1");
    await once(one, "listening");
  }
  const host = `127.0.0.1:${portOf(server)}`;
  const registry: OlderRegistry = {
    host,
    url: `http://${host}`,
    blobs: new Map(),
    manifests: new Map(),
    requests: [],
    ranges: [],
    interfere: null,
    async stop() {
      for (const one of [content, server]) {
        one.closeAllConnections();
        one.close();
        await once(one, "close");
      }
    },
  };
  return registry;
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

async function answer(
  registry: OlderRegistry,
  request: IncomingMessage,
  response: ServerResponse,
  contentPort: number,
): Promise<void> {
  const { method = "" } = request;
  const { pathname, searchParams } = new URL(request.url ?? "", registry.url);
  const body = await buffer(request);
  const [, place = "", reference = ""] =
    /\/(manifests|blobs|uploads)\/([^/]*)$/.exec(pathname) ?? [];
  const end = (status: number, headers: Record<string, string | number> = {}, bytes?: Buffer) =>
    response.writeHead(status, headers).end(method === "HEAD" ? undefined : bytes);
  if (place === "manifests" && method === "PUT") {
    const stored = { type: request.headers["content-type"] ?? "", bytes: body };
    registry.manifests.set(reference, stored);
    registry.manifests.set(digestOf(body), stored);
    return void end(201, { "docker-content-digest": digestOf(body) });
  }
  if (place === "manifests") {
    const found = registry.manifests.get(reference);
    // It does not say the digest, which the specification leaves open.
    return void (found === undefined
      ? end(404)
      : end(
          200,
          { "content-type": found.type, "content-length": found.bytes.length },
          found.bytes,
        ));
  }
  if (place === "uploads" && method === "POST") {
    return void end(202, { location: `${pathname}session?state=1` });
  }
  if (place === "uploads" && method === "PUT") {
    const digest = searchParams.get("digest") ?? "";
    if (digestOf(body) !== digest) return void end(400);
    registry.blobs.set(digest, body);
    return void end(201, { location: "/" });
  }
  if (place === "blobs" && registry.blobs.has(reference)) {
    return void end(307, { location: `http://127.0.0.1:${contentPort}/${reference}?signature=1` });
  }
  end(404);
}

/** The content network: it knows ranges, and refuses a request with a login, as signed addresses do. */
function sendBlob(
  registry: OlderRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.headers.authorization !== undefined) return void response.writeHead(400).end();
  const digest = new URL(request.url ?? "", registry.url).pathname.slice(1);
  const bytes = registry.blobs.get(digest);
  if (bytes === undefined) return void response.writeHead(404).end();
  const { range = "" } = request.headers;
  if (request.method === "GET") registry.ranges.push(range);
  const start = Number(/^bytes=(\d+)-/.exec(range)?.[1] ?? 0);
  const part = bytes.subarray(start);
  response.writeHead(range === "" ? 200 : 206, { "content-length": part.length });
  response.end(request.method === "HEAD" ? undefined : part);
}
