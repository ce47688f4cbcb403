/**
 * A server that stands before a registry as Cloudflare's edge does: it refuses bodies above the plan's limit with
 * Cloudflare's own page, and the registry sees nothing of them. Its line may be slow, and what crosses it may break.
 */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type ClientRequest,
  type ServerResponse,
} from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ErrorStatus, Fault, Faults, Head } from "./edge-faults.ts";
import { Uplink } from "./uplink.ts";

export interface EdgeOptions {
  /** The registry's URL. */
  readonly upstream: string;
  /** The longest body of a request. */
  readonly limitBytes: number;
  /**
   * What a chunked body meets that turns out too long: "at-once" answers in the middle of it, "drain" reads and drops
   * the rest before it answers, "cut" breaks the connection. A body whose Content-Length is too long is always answered
   * at once.
   */
  readonly refusal?: "at-once" | "drain" | "cut";
  /** How many bytes of bodies get through in a second, all connections together. */
  readonly uplinkBytesPerSecond?: number;
  readonly faults?: Faults;
}

/** A request as it came, and what became of it. */
export interface Seen extends Head {
  /** Bytes of its body that came in. */
  bodyBytes: number;
  /** The status that the client got; 0 if its connection broke before. */
  status: number;
  fault: Fault["kind"] | null;
}

export interface Edge {
  readonly url: string;
  readonly port: number;
  /** Bodies that were too long. */
  readonly refused: number;
  readonly requests: readonly Seen[];
  /** Bytes of all bodies that came in. */
  readonly bodyBytes: number;
  /** Requests that met a fault, delays included. */
  readonly faulted: number;
  stop(): Promise<void>;
}

const TITLES: Readonly<Record<413 | ErrorStatus, string>> = {
  413: "413 Request Entity Too Large",
  429: "429 Too Many Requests",
  502: "502 Bad Gateway",
  503: "503 Service Temporarily Unavailable",
  520: "520 Web Server Returned an Unknown Error",
};

/** For how long a refused client may go on sending, so that it reads the answer before the connection breaks. */
const LINGER_MS = 2000;

export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const visits = new Visits(options);
  const server = createServer((incoming, outgoing) => visits.serve(incoming, outgoing));
  server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    visits.serve(incoming, outgoing);
  });
  // A slow line is no slow client: a layer takes as long as it takes.
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the edge has no port");
  const { requests } = visits;
  const count = (matches: (seen: Seen) => boolean): number => requests.filter(matches).length;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    get refused() {
      return visits.refused;
    },
    get bodyBytes() {
      return requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    },
    get faulted() {
      return count(({ fault }) => fault !== null);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

class Visits {
  readonly requests: Seen[] = [];
  refused = 0;
  readonly #options: EdgeOptions;
  readonly #uplink: Uplink | null;

  constructor(options: EdgeOptions) {
    this.#options = options;
    const speed = options.uplinkBytesPerSecond;
    this.#uplink = speed === undefined ? null : new Uplink(speed);
  }

  serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = "", url: path = "", headers } = incoming;
    const length = lengthOf(headers);
    const seen: Seen = { method, path, length, bodyBytes: 0, status: 0, fault: null };
    this.requests.push(seen);
    // A client that breaks off, or that the edge cuts off, ends the visit: nothing is left to answer.
    this.#visit({ incoming, outgoing, seen }).catch(() => incoming.socket.destroy());
  }

  async #visit(visit: Visit): Promise<void> {
    const { incoming, outgoing, seen } = visit;
    if (seen.length !== null && seen.length > this.#options.limitBytes) {
      return this.#refuse(visit);
    }
    const fault = this.#options.faults?.(seen) ?? null;
    seen.fault = fault?.kind ?? null;
    if (fault?.kind === "refuse") return answerPage(visit, fault.status, fault.retryAfterSeconds);
    if (fault?.kind === "delay") await sleep(fault.ms);
    if (incoming.headers.expect !== undefined) outgoing.writeContinue();
    const upstream = this.#open(incoming);
    // The registry may refuse while the body still comes.
    const answering = once(upstream, "response").then(([answer]) =>
      giveAnswer(visit, answer as IncomingMessage, fault),
    );
    // A request that was cut or refused has no answer; nobody waits for it then.
    answering.catch(() => undefined);
    outgoing.once("close", () => upstream.destroy());
    const sent = await this.#send(visit, upstream, fault);
    if (sent === "whole") return answering;
    upstream.destroy();
    if (sent === "cut") incoming.socket.destroy();
    else await this.#refuse(visit);
  }

  #open({ method = "GET", url: path = "/", headers }: IncomingMessage): ClientRequest {
    const { hostname, port } = new URL(this.#options.upstream);
    const { expect: _, connection: __, ...passed } = headers;
    // Each request has a connection of its own, so that a cut one harms no other.
    return httpRequest({ host: hostname, port, method, path, headers: passed, agent: false });
  }

  /** Sends the body on. @returns how much of it: all, up to the fault's cut, or up to the limit */
  async #send(
    { incoming, seen }: Visit,
    upstream: ClientRequest,
    fault: Fault | null,
  ): Promise<"whole" | "cut" | "too long"> {
    const cutAt = fault?.kind === "cut-request" ? fault.afterBytes : Infinity;
    let failed = false;
    // A registry that has refused may close its side while the body still comes: the rest is dropped.
    upstream.on("error", () => (failed = true));
    const write = (bytes: Buffer): Promise<unknown> =>
      failed ? Promise.resolve() : new Promise((done) => upstream.write(bytes, done));
    for await (const bytes of this.#bodyOf(incoming, seen)) {
      if (seen.bodyBytes > this.#options.limitBytes) return "too long";
      if (seen.bodyBytes >= cutAt) {
        await write(bytes.subarray(0, bytes.length - (seen.bodyBytes - cutAt)));
        return "cut";
      }
      await write(bytes);
    }
    if (cutAt !== Infinity) return "cut";
    upstream.end();
    return "whole";
  }

  /** Reads a body at the line's speed, and leaves what is not read for later. */
  async *#bodyOf(incoming: IncomingMessage, seen: Seen): AsyncGenerator<Buffer> {
    for await (const bytes of incoming.iterator({ destroyOnReturn: false })) {
      const { length } = bytes as Buffer;
      await this.#uplink?.take(length);
      seen.bodyBytes += length;
      yield bytes as Buffer;
    }
  }

  async #refuse(visit: Visit): Promise<void> {
    const { incoming, seen } = visit;
    this.refused += 1;
    const isChunked = seen.length === null;
    if (isChunked && this.#options.refusal === "cut") {
      incoming.socket.destroy();
      return;
    }
    if (isChunked && this.#options.refusal === "drain") {
      for await (const _ of this.#bodyOf(incoming, seen));
    }
    await answerPage(visit, 413);
  }
}

interface Visit {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly seen: Seen;
}

/** @returns null for a chunked body */
function lengthOf(headers: IncomingHttpHeaders): number | null {
  const length = headers["content-length"];
  if (length !== undefined) return Number(length);
  return headers["transfer-encoding"] === undefined ? 0 : null;
}

async function giveAnswer(
  { incoming, outgoing, seen }: Visit,
  answer: IncomingMessage,
  fault: Fault | null,
): Promise<void> {
  if (fault?.kind === "lose-answer" || fault?.kind === "replace-answer") {
    // The registry is done with the request once its whole answer is there.
    await answer.resume().toArray();
    if (fault.kind === "replace-answer") {
      return answerPage({ incoming, outgoing, seen }, fault.status);
    }
    incoming.socket.destroy();
    return;
  }
  seen.status = answer.statusCode ?? 0;
  outgoing.writeHead(seen.status, answer.rawHeaders);
  const cutAt = fault?.kind === "cut-answer" ? fault.afterBytes : Infinity;
  let passed = 0;
  for await (const bytes of answer as AsyncIterable<Buffer>) {
    if (passed + bytes.length > cutAt) break;
    passed += bytes.length;
    if (!outgoing.write(bytes)) await once(outgoing, "drain");
  }
  if (cutAt === Infinity) outgoing.end();
  else incoming.socket.destroy();
}

/** Answers with one of Cloudflare's pages, whether or not the client has sent its whole body. */
async function answerPage(
  { incoming, outgoing, seen }: Visit,
  status: 413 | ErrorStatus,
  retryAfterSeconds?: number,
): Promise<void> {
  const page = pageOf(status);
  seen.status = status;
  outgoing.writeHead(status, TITLES[status].slice(4), {
    "content-type": "text/html",
    "content-length": Buffer.byteLength(page),
    connection: "close",
    server: "cloudflare",
    "cf-ray": "8f2a1b3c4d5e6f70-FRA",
    ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
  });
  outgoing.write(page);
  if (!incoming.readableEnded) await lingering(incoming);
  outgoing.end();
}

/** Drops what a refused client still sends, until it has read the answer and hangs up. */
async function lingering(incoming: IncomingMessage): Promise<void> {
  if (incoming.destroyed) return;
  incoming.resume();
  const ended = new AbortController();
  await Promise.race([
    once(incoming, "close"),
    once(incoming, "end"),
    sleep(LINGER_MS, undefined, { signal: ended.signal }).catch(() => undefined),
  ]);
  ended.abort();
}

function pageOf(status: 413 | ErrorStatus): string {
  const title = TITLES[status];
  return [
    "<html>",
    `<head><title>${title}</title></head>`,
    "<body>",
    `<center><h1>${title}</h1></center>`,
    "<hr><center>cloudflare</center>",
    "</body>",
    "</html>",
    "",
  ].join("\r\n");
}
