/** Requests that go through as they are. */
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { retried } from "../remote/retry.ts";
import type { Answer, Upstream } from "../remote/upstream.ts";
import { endToEnd, hasBody } from "./headers.ts";
import { scopesOf } from "./target.ts";

/** A body up to this size is held, so that it can be sent again: the usual limit of a manifest. */
const MAX_HELD_BYTES = 4 * 1024 ** 2;
/** What all of them may hold together; the others are sent once. */
const MAX_HELD_IN_ALL = 32 * 1024 ** 2;
/** Clients that wait for an answer give up after 20 s, and know themselves what to do with a 429. */
export const MAX_RETRY_AFTER_MS = 5_000;
/** A body means something to these methods alone. */
const WITH_BODY = new Set(["PATCH", "POST", "PUT"]);

let heldBytes = 0;

/**
 * Sends a client's request on, and again where the network or the edge failed.
 * @throws the system's error where no answer came
 */
export async function forward(
  incoming: IncomingMessage,
  upstream: Upstream,
  signal: AbortSignal,
): Promise<Answer> {
  const { method = "GET", url: path = "/" } = incoming;
  const { "content-length": length, ...headers } = endToEnd(incoming.headers);
  const asked = { method, path, headers, scopes: scopesOf(path), signal };
  const again = (body: readonly Uint8Array[] | null) =>
    retried(upstream.origin, () => upstream.request({ ...asked, body }), {
      signal,
      maxRetryAfterMs: MAX_RETRY_AFTER_MS,
    });
  if (!WITH_BODY.has(method)) return again(null);
  if (!hasBody(incoming.headers)) return again([]);
  const bytes = length === undefined ? null : Number(length);
  if (bytes === null || bytes > MAX_HELD_BYTES || heldBytes + bytes > MAX_HELD_IN_ALL) {
    return upstream.request({ ...asked, body: { stream: incoming, bytes } });
  }
  heldBytes += bytes;
  try {
    return await again([await buffer(incoming)]);
  } finally {
    heldBytes -= bytes;
  }
}
