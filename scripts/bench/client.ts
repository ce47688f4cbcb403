/** A cheap HTTP client: bodies are sent from memory, answers are counted and dropped. */
import { createHash } from "node:crypto";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Body } from "./bodies.ts";

export interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** Whether the body is sent without a Content-Length, in chunks as Docker's. */
  readonly chunked?: boolean;
  /** The only right status: any other one is a failure. */
  readonly expect: number;
  /** Whether to hash the answer's body too, which costs the client time. */
  readonly hash?: boolean;
}

export interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly size: number;
  readonly digest: string | null;
}

export type Send = (call: Call) => Promise<Answer>;

/** Go copies a body of unknown length through a buffer of this size, and each becomes an HTTP chunk. */
const CHUNK_SIZE = 32 * 1024;
const PATIENCE_MS = 300_000;

/** Runs calls on connections of their own, kept alive between them as an engine does within one push. */
export async function withConnection<T>(work: (send: Send) => Promise<T>): Promise<T> {
  const agent = new Agent({ keepAlive: true });
  try {
    return await work((call) => send(agent, call));
  } finally {
    agent.destroy();
  }
}

async function send(agent: Agent, call: Call): Promise<Answer> {
  try {
    return await exchange(agent, call);
  } catch (error) {
    throw new Error(`${call.method} ${call.url}: ${String(error)}`, { cause: error });
  }
}

async function exchange(agent: Agent, call: Call): Promise<Answer> {
  const { method, url, body } = call;
  const headers: Record<string, string> = { ...call.headers };
  if (!call.chunked) headers["content-length"] = String(body?.size ?? 0);
  if (method === "GET") delete headers["content-length"];
  const outgoing = request(url, { method, headers, agent, timeout: PATIENCE_MS });
  outgoing.once("timeout", () => outgoing.destroy(new Error("no answer")));
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  // A server may refuse before it has read the body, and close: then its answer gives the reason, not the broken pipe.
  const sent = pipeline(Readable.from(slices(call)), outgoing).catch(() => {});
  const [incoming] = await answered;
  const answer = await read(incoming, call);
  await sent;
  return answer;
}

async function read(incoming: IncomingMessage, call: Call): Promise<Answer> {
  const hash = call.hash ? createHash("sha256") : null;
  let size = 0;
  let refusal = "";
  incoming.on("data", (bytes: Buffer) => {
    size += bytes.length;
    hash?.update(bytes);
    if (incoming.statusCode !== call.expect && refusal.length < 1000) refusal += bytes.toString();
  });
  await once(incoming, "end");
  if (incoming.statusCode !== call.expect) {
    throw new Error(`${incoming.statusCode} ${refusal}`);
  }
  return { headers: incoming.headers, size, digest: hash && `sha256:${hash.digest("hex")}` };
}

function* slices({ body, chunked }: Call): Generator<Buffer> {
  for (const piece of body?.pieces ?? []) {
    const step = chunked ? CHUNK_SIZE : piece.length;
    for (let at = 0; at < piece.length; at += step) yield piece.subarray(at, at + step);
  }
}
