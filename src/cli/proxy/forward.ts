/** Requests that go through as they are. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { retried } from "../remote/retry.ts";
import type { Answer, Upstream } from "../remote/upstream.ts";
import { endToEnd, hasBody } from "./headers.ts";
import { scopesOf } from "./target.ts";

/** A body up to this size is held, so that it can be sent again; the largest manifest is smaller. */
const MAX_HELD_BYTES = 16 * 1024 ** 2;

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
  const headers = endToEnd(incoming.headers);
  const body = await bodyOf(incoming);
  const asked = { method, path, headers, body, scopes: scopesOf(path), signal };
  if (body !== null && !Array.isArray(body)) return upstream.request(asked);
  return retried(() => upstream.request(asked), signal);
}

async function bodyOf(incoming: IncomingMessage): Promise<readonly Uint8Array[] | Readable | null> {
  const { headers, method } = incoming;
  if (!hasBody(headers)) return method === "GET" || method === "HEAD" ? null : [];
  const { "content-length": length } = headers;
  return length !== undefined && Number(length) <= MAX_HELD_BYTES
    ? [await buffer(incoming)]
    : incoming;
}
