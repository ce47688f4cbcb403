/** An upload's session at a registry: OCI distribution spec, "Pushing a blob in chunks" and "Resume an incomplete upload". */
import { CliError } from "../error.ts";
import type { Answer, Upstream } from "../remote/upstream.ts";

export interface SessionOptions {
  readonly upstream: Upstream;
  readonly scopes: readonly string[];
  /** Path and query. */
  readonly location: string;
  readonly offset: number;
  readonly onLocation?: ((location: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The place of a request's bytes in the blob; "whole" for all of it in one request. */
export type Placing = "ranged" | "whole";

export class Session {
  readonly #options: SessionOptions;
  #location: string;
  #offset: number;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#location = options.location;
    this.#offset = options.offset;
  }

  /** How many bytes the registry has. */
  get offset(): number {
    return this.#offset;
  }

  /** Appends bytes at the offset. */
  async append(body: readonly Uint8Array[], length: number, placing: Placing): Promise<Answer> {
    const answer = await this.#send("PATCH", this.#location, { body, length, placing });
    if (isSuccess(answer)) this.#learn(answer, this.#offset + length, this.#offset + length === 0);
    return answer;
  }

  /** Ends the upload with its last bytes, or none. */
  async finish(
    body: readonly Uint8Array[],
    length: number,
    { digest, placing }: { readonly digest: string; readonly placing: Placing },
  ): Promise<Answer> {
    const answer = await this.#send("PUT", withDigest(this.#location, digest), {
      body,
      length,
      placing,
    });
    if (isSuccess(answer)) this.#offset += length;
    return answer;
  }

  /** Asks where to go on. @returns the answer, after which `offset` is what the registry said if it is a success */
  async ask(): Promise<Answer> {
    const { upstream, scopes, signal } = this.#options;
    const path = this.#location;
    const answer = await upstream.request({ method: "GET", path, scopes, signal });
    if (isSuccess(answer)) this.#learn(answer, this.#offset, this.#offset === 0);
    return answer;
  }

  async #send(
    method: string,
    path: string,
    sent: { body: readonly Uint8Array[]; length: number; placing: Placing },
  ): Promise<Answer> {
    const { upstream, scopes, signal } = this.#options;
    const { body, length, placing } = sent;
    const isRanged = placing === "ranged" && length > 0;
    const range = `${this.#offset}-${this.#offset + length - 1}`;
    const headers = {
      "content-type": "application/octet-stream",
      ...(isRanged ? { "content-range": range } : {}),
    };
    return upstream.request({ method, path, headers, body, scopes, signal });
  }

  /** @param mayBeEmpty whether "0-0" may mean no byte at all, as it also does at some registries */
  #learn({ headers }: Answer, expected: number, mayBeEmpty: boolean): void {
    const { range = "" } = headers;
    const end = /^(?:bytes=)?0-(-?\d+)$/.exec(range)?.[1];
    const isEmpty = mayBeEmpty && end === "0";
    this.#offset = isEmpty ? 0 : end === undefined ? expected : Number(end) + 1;
    if (headers.location === undefined) return;
    this.#location = pathOf(headers.location, this.#options.upstream.origin);
    this.#options.onLocation?.(this.#location);
  }
}

/** A Location as path and query. @throws CliError where it leads to another server, which credentials must not follow */
export function pathOf(location: string, origin: string): string {
  const url = new URL(location, origin);
  if (url.origin !== origin) {
    throw new CliError(`${origin} wants the upload to go to ${url.origin}, which is not supported`);
  }
  return url.pathname + url.search;
}

/** A Location's query is the registry's, and is kept. */
export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
