/** Pushes as container clients do: each way to upload a blob that they have, over one connection for each request. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";
import type { Content, Manifest } from "./images.ts";

/**
 * Docker and buildah send a PATCH of unknown length and an empty PUT, skopeo a PATCH with its length, containerd and
 * oras a PUT with everything, and some tools all in the POST.
 */
export const SHAPES = ["chunked PATCH", "PATCH", "PUT", "POST"] as const;
export type Shape = (typeof SHAPES)[number];

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** A request's body: bytes of a known length, or pieces of an unknown one. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>;

export class PushClient {
  readonly #origin: string;
  readonly #authorization: string;
  readonly repository: string;

  constructor(origin: string, repository: string, authorization: string) {
    this.#origin = origin;
    this.#authorization = authorization;
    this.repository = repository;
  }

  /** @param path relative to the repository, or from the root. @throws the system's error where no answer came */
  async request(
    method: string,
    path: string,
    { body, headers = {} }: { body?: Body; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const url = path.startsWith("/") ? path : `/v2/${this.repository}/${path}`;
    const isWhole = body === undefined || body instanceof Uint8Array;
    const framing: Record<string, string> = isWhole
      ? { "content-length": String(body?.length ?? 0) }
      : { "transfer-encoding": "chunked" };
    const sent = request(this.#origin + url, {
      method,
      headers: { authorization: this.#authorization, ...framing, ...headers },
      agent: false,
    });
    const answered = once(sent, "response") as Promise<[IncomingMessage]>;
    // A registry that refuses may close its side while the body is sent: the answer counts.
    sent.on("error", () => undefined);
    const sending = isWhole ? Promise.resolve(sent.end(body)) : sendPieces(sent, body);
    const [answer] = await answered;
    await sending;
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body: await buffer(answer),
    };
  }

  /** @returns the answer that ended the upload, or refused it. @param digest another one than that of the bytes */
  async pushBlob(
    { bytes, digest: own }: Content,
    shape: Shape,
    digest: string = own,
  ): Promise<Reply> {
    const query = `digest=${encodeURIComponent(digest)}`;
    if (shape === "POST") return this.request("POST", `blobs/uploads/?${query}`, { body: bytes });
    const begun = await this.request("POST", "blobs/uploads/");
    if (begun.status !== 202) return begun;
    if (shape === "PUT") {
      return this.request("PUT", `${locationOf(begun)}&${query}`, { body: bytes });
    }
    const body = shape === "PATCH" ? bytes : inPieces(bytes);
    const patched = await this.request("PATCH", locationOf(begun), { body });
    if (patched.status !== 202) return patched;
    return this.request("PUT", `${locationOf(patched)}&${query}`);
  }

  pushManifest({ bytes, mediaType }: Manifest, reference: string): Promise<Reply> {
    const headers = { "content-type": mediaType };
    return this.request("PUT", `manifests/${reference}`, { body: bytes, headers });
  }
}

/** Where an upload goes on. It has a query in this registry. */
function locationOf({ headers }: Reply): string {
  return headers.location ?? "";
}

const PIECE_BYTES = 50_000;

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield bytes.subarray(at, at + PIECE_BYTES);
  }
}

async function sendPieces(
  sent: ReturnType<typeof request>,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const piece of pieces) {
    if (sent.destroyed) return;
    await new Promise((done) => sent.write(piece, done));
  }
  sent.end();
}
