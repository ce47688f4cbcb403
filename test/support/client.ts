/** A client of the registry, with the words of the spec. It speaks HTTP and does not depend on what is behind it. */
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import { handle } from "../production/request.ts";
import type { Env } from "../../src/settings.ts";
import { type Bytes, type Content, type Manifest, uniqueRepository } from "./images.ts";
import type { Defer } from "../../src/defer.ts";

export const HOST = "registry.test";
export const INITIATOR = `https://${HOST}`;
export const ADMIN = basic("admin", env.ADMIN_PASSWORD);

export type Send = (request: Request) => Promise<Response>;

export interface ClientOptions {
  readonly repository?: string;
  /** The Authorization header of each request; null for none. */
  readonly authorization?: string | null;
  readonly send?: Send;
}

export interface RequestOptions {
  readonly headers?: Record<string, string>;
  readonly body?: Bytes | ReadableStream | string | null;
}

export interface Range {
  readonly first: number;
  readonly last: number;
}

export class RegistryClient {
  readonly repository: string;
  readonly #authorization: string | null;
  readonly #send: Send;

  constructor(options: ClientOptions = {}) {
    this.repository = options.repository ?? uniqueRepository();
    this.#authorization = options.authorization === undefined ? ADMIN : options.authorization;
    this.#send = options.send ?? ((request) => exports.default.fetch(request));
  }

  /** Returns the same caller in another repository. */
  in(repository: string): RegistryClient {
    return new RegistryClient({
      repository,
      authorization: this.#authorization,
      send: this.#send,
    });
  }

  /** Another caller in the same repository. */
  as(authorization: string | null): RegistryClient {
    return new RegistryClient({ repository: this.repository, authorization, send: this.#send });
  }

  /** @param path relative to the repository, or from the root */
  request(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const url = path.startsWith("/") ? path : `/v2/${this.repository}/${path}`;
    const headers = new Headers(options.headers);
    if (this.#authorization !== null && !headers.has("authorization")) {
      headers.set("authorization", this.#authorization);
    }
    const body = options.body ?? null;
    if (typeof body === "string") headers.set("content-length", String(body.length));
    if (body instanceof Uint8Array) headers.set("content-length", String(body.length));
    return this.#send(new Request(INITIATOR + url, { method, headers, body, redirect: "manual" }));
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request("GET", path, { headers });
  }

  head(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request("HEAD", path, { headers });
  }

  /** @returns the Location to continue at */
  async startUpload(query = ""): Promise<string> {
    const response = await this.request("POST", `blobs/uploads/${query}`);
    expect(response.status).toBe(202);
    return locationOf(response);
  }

  /** A stream is sent without a Content-Length, as Docker does. */
  patch(location: string, body: Bytes | ReadableStream, range?: Range): Promise<Response> {
    return this.request("PATCH", location, { body, headers: contentRange(range) });
  }

  /** A patch that is taken. @returns the next Location */
  async append(location: string, body: Bytes | ReadableStream, range?: Range): Promise<string> {
    const response = await this.patch(location, body, range);
    expect(response.status).toBe(202);
    return locationOf(response);
  }

  finish(
    location: string,
    digest: string,
    body: Bytes | ReadableStream | null = null,
    range?: Range,
  ): Promise<Response> {
    const headers = { ...contentRange(range), ...(body === null ? { "content-length": "0" } : {}) };
    return this.request("PUT", withDigest(location, digest), { body, headers });
  }

  /** Returns an upload's progress, as its Range header has it. */
  async progress(location: string): Promise<string | null> {
    const response = await this.get(location);
    expect(response.status).toBe(204);
    return response.headers.get("range");
  }

  async pushBlob<T extends Content>(content: T): Promise<T> {
    const response = await this.finish(await this.startUpload(), content.digest, content.bytes);
    expect(response.status).toBe(201);
    return content;
  }

  putManifest(
    reference: string,
    { bytes, mediaType }: Pick<Manifest, "bytes" | "mediaType">,
  ): Promise<Response> {
    const headers = { "content-type": mediaType };
    return this.request("PUT", `manifests/${reference}`, { body: bytes, headers });
  }

  async pushManifest<T extends Manifest>(manifest: T, reference = manifest.digest): Promise<T> {
    const response = await this.putManifest(reference, manifest);
    expect(response.status, await response.clone().text()).toBe(201);
    return manifest;
  }

  async pullBlob(digest: string): Promise<Bytes> {
    const response = await this.get(`blobs/${digest}`);
    expect(response.status).toBe(200);
    return new Uint8Array(await response.arrayBuffer());
  }

  async pullManifest(reference: string): Promise<Bytes> {
    const response = await this.get(`manifests/${reference}`);
    expect(response.status).toBe(200);
    return new Uint8Array(await response.arrayBuffer());
  }

  async listTags(query = ""): Promise<string[]> {
    const response = await this.get(`tags/list${query}`);
    expect(response.status).toBe(200);
    const { tags } = await response.json<{ tags: string[] }>();
    return tags;
  }

  async referrers(subject: string, query = ""): Promise<Record<string, unknown>[]> {
    const response = await this.get(`referrers/${subject}${query}`);
    expect(response.status).toBe(200);
    return (await response.json<{ manifests: Record<string, unknown>[] }>()).manifests;
  }

  /** @returns the Authorization header of a token for these scopes */
  async token(...scopes: string[]): Promise<string> {
    const response = await this.get(tokenPath(...scopes));
    expect(response.status).toBe(200);
    return `Bearer ${(await response.json<{ token: string }>()).token}`;
  }
}

export function tokenPath(...scopes: string[]): string {
  const query = scopes.map((scope) => `&scope=${encodeURIComponent(scope)}`);
  return `/token?service=${HOST}${query.join("")}`;
}

/** The Worker with other settings. */
export function withSettings(
  settings: Partial<Record<keyof Env, string>>,
  defer: Defer = ignore,
): Send {
  const changed = { ...env, ...settings } as Env;
  return (request) => handle(request, changed, defer);
}

/** Accepts work that no test waits for. */
export function ignore(work: Promise<unknown>): void {
  void work;
}

export function basic(username: string, password: string): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}

export function locationOf(response: Response): string {
  const location = response.headers.get("location");
  if (location === null) throw new Error("the answer has no Location");
  return location;
}

/** Returns an upload's id from any of its Locations. */
export function uploadIdOf(location: string): string {
  const id = /\/blobs\/uploads\/([^/?]+)/.exec(location)?.[1];
  if (id === undefined) throw new Error(`${location} is no upload`);
  return id;
}

/** Returns the name of an upload's session, with which its id begins. */
export function uploadOf(location: string): string {
  const [name = ""] = uploadIdOf(location).split(".", 1);
  return name;
}

export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}

/** Checks that a refusal has the spec's form, and returns its content. */
export async function refusal(response: Response): Promise<{ status: number; code: string }> {
  expect(response.headers.get("content-type")).toBe("application/json");
  const body = await response.json<{ errors: { code: string; message: string }[] }>();
  expect(body).toEqual({ errors: [expect.objectContaining({ message: expect.any(String) })] });
  return { status: response.status, code: body.errors[0]?.code ?? "" };
}

/** Makes a body without a known length: `Transfer-Encoding: chunked`. */
export function streamOf(...pieces: Bytes[]): ReadableStream {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      // Enqueues a copy, since the stream takes the buffer away from its owner.
      for (const piece of pieces) if (piece.length > 0) controller.enqueue(piece.slice());
      controller.close();
    },
  });
}

/** Makes a body that breaks off after these bytes, as when the client disconnects. */
export function brokenStream(bytes: Bytes): ReadableStream {
  let sent = false;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (sent) throw new Error("the client hung up");
      controller.enqueue(bytes.slice());
      sent = true;
    },
  });
}

function contentRange(range: Range | undefined): Record<string, string> {
  return range === undefined ? {} : { "content-range": `${range.first}-${range.last}` };
}
