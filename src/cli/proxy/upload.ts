/** A client's upload, sent on in requests that the edge lets through. */
import type { IncomingMessage } from "node:http";
import { retried } from "../remote/retry.ts";
import type { Answer, Upstream } from "../remote/upstream.ts";
import { sendBlob } from "../upload/send-blob.ts";
import { pathOf, Session } from "../upload/session.ts";
import { MAX_RETRY_AFTER_MS } from "./forward.ts";
import { bodyBytesIn, maxRequestBytesIn } from "./headers.ts";
import { scopesOf, type UploadTarget } from "./target.ts";

export interface UploadOptions {
  readonly upstream: Upstream;
  readonly target: UploadTarget;
  /** What the registry said last; the answer to a POST says it anew. */
  readonly maxRequestBytes: number;
  /** The offset that the client itself gave for its bytes, by Content-Range. */
  readonly statedOffset: number | null;
  readonly signal: AbortSignal;
  readonly onSent: (offset: number) => void;
}

/**
 * Sends the body of a client's POST, PATCH or PUT to the upload's session; POST and PUT end the upload.
 * @returns the registry's last answer
 */
export async function upload(incoming: IncomingMessage, options: UploadOptions): Promise<Answer> {
  const { upstream, target, maxRequestBytes, statedOffset, signal, onSent } = options;
  const scopes = scopesOf(incoming.url ?? "");
  const at = { upstream, scopes, signal };
  const begun = target.location === null ? await begin(target.start, at) : null;
  if (begun !== null && begun.status !== 202) return begun;
  begun?.body.resume();
  const { digest } = target;
  const location = target.location ?? pathOf(begun?.headers.location ?? "", upstream.origin);
  return sendBlob({
    ...at,
    location,
    offset: begun !== null ? 0 : (statedOffset ?? target.offset ?? (await offsetOf(location, at))),
    isOffsetStated: statedOffset !== null,
    // The client's connection stays open after a refusal: the answer goes there.
    body: incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
    bodyBytes: bodyBytesIn(incoming.headers),
    finish: digest === null ? null : () => digest,
    maxRequestBytes: maxRequestBytesIn(begun?.headers ?? {}) ?? maxRequestBytes,
    onSent,
  });
}

type At = Pick<UploadOptions, "upstream" | "signal"> & { readonly scopes: readonly string[] };

function begin(path: string, { upstream, scopes, signal }: At): Promise<Answer> {
  const asked = { method: "POST", path, scopes, signal, body: [] };
  return retried(upstream.origin, () => upstream.request(asked), {
    signal,
    maxRetryAfterMs: MAX_RETRY_AFTER_MS,
  });
}

async function offsetOf(location: string, at: At): Promise<number> {
  const session = new Session({ ...at, location, offset: 0 });
  const answer = await retried(at.upstream.origin, () => session.ask(), {
    signal: at.signal,
    maxRetryAfterMs: MAX_RETRY_AFTER_MS,
  });
  answer.body.resume();
  return session.offset;
}
