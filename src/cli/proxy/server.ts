/** The proxy's server: it listens on loopback alone. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { CliError } from "../error.ts";
import { shortDigest } from "../output.ts";
import { unjoined } from "../sentence.ts";
import { unreachable } from "../remote/unreachable.ts";
import type { Answer, Upstream } from "../remote/upstream.ts";
import type { Progress, Step } from "../upload/progress.ts";
import { forward } from "./forward.ts";
import { type Refusal, refusalOf } from "./guard.ts";
import { bodyBytesIn, hasBody, maxRequestBytesIn, rewritten } from "./headers.ts";
import { repositoryOf, sessionOf, uploadTarget, type UploadTarget } from "./target.ts";
import { upload } from "./upload.ts";

export interface ProxyOptions {
  readonly upstream: Upstream;
  /** 0 for one that is free. */
  readonly port: number;
  /** What clients log in with; null where they bring credentials of the registry. */
  readonly secret: string | null;
  readonly progress: Progress;
}

export interface RunningProxy {
  readonly port: number;
  /** Gives up what is under way, and closes. */
  stop(): Promise<void>;
}

/** Where a registry does not say how large a request may be: the limit of Cloudflare's smaller plans. */
const USUAL_MAX_REQUEST_BYTES = 100_000_000;
/** Longer than clients leave a connection idle between two layers, so that none is closed under a request. */
const KEEP_ALIVE_MS = 75_000;
/** How long a client may go on to send a body that was refused, until it sees the answer. */
const DRAIN_MS = 10_000;

/** @throws CliError where the port is taken */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const proxy = new LoopbackProxy(options);
  const ipv4 = await listen(proxy, "127.0.0.1", options.port);
  const { port } = ipv4.address() as AddressInfo;
  proxy.port = port;
  const ipv6 = await listen(proxy, "::1", port).catch((error: unknown) => {
    // A machine without IPv6 has no ::1.
    if (isMissing(error)) return null;
    ipv4.close();
    throw error;
  });
  const servers = ipv6 === null ? [ipv4] : [ipv4, ipv6];
  return {
    port,
    async stop() {
      proxy.stop();
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => closed(server)));
    },
  };
}

async function listen(proxy: LoopbackProxy, host: string, port: number): Promise<Server> {
  const server = createServer((incoming, outgoing) => void proxy.handle(incoming, outgoing));
  // A layer takes as long as it takes.
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    const hint = "Stop what listens there, or choose another: --port 0";
    throw new CliError(`port ${port} is taken`, { code: "PORT_TAKEN", hint, cause: error });
  }
  return server;
}

function isMissing(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT";
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

class LoopbackProxy {
  port = 0;
  readonly #options: ProxyOptions;
  readonly #stopping = new AbortController();
  #maxRequestBytes = USUAL_MAX_REQUEST_BYTES;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopping.abort();
    this.#options.upstream.close();
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.once("close", () => outgoing.writableFinished || gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    try {
      const { secret } = this.#options;
      const path = incoming.url ?? "/";
      const refusal = refusalOf(incoming.headers, path, { port: this.port, secret });
      if (refusal !== null) return refuse(incoming, outgoing, refusal);
      const target = uploadTarget(incoming.method ?? "", path);
      const answer = await (target === null
        ? forward(incoming, this.#passing(incoming), signal)
        : this.#upload(incoming, target, signal));
      await this.#answer(incoming, outgoing, answer);
    } catch (error) {
      if (signal.aborted || outgoing.headersSent) outgoing.destroy();
      else this.#fail(incoming, outgoing, error);
    }
  }

  async #upload(
    incoming: IncomingMessage,
    target: UploadTarget,
    signal: AbortSignal,
  ): Promise<Answer> {
    // The PUT that ends what a PATCH has brought is no line of its own.
    const step = hasBody(incoming.headers) ? this.#begin(incoming, target) : null;
    try {
      const answer = await upload(incoming, {
        upstream: this.#passing(incoming),
        target,
        statedOffset: rangeStart(incoming),
        maxRequestBytes: this.#maxRequestBytes,
        signal,
        onSent: (offset) => step?.at(offset),
      });
      if (answer.status < 300) step?.done("sent");
      else step?.failed(`refused with ${answer.status}`);
      return answer;
    } catch (error) {
      step?.failed(signal.aborted ? "given up" : messageOf(error, this.#options.upstream));
      throw error;
    }
  }

  #begin({ url = "", headers }: IncomingMessage, { digest, location }: UploadTarget): Step {
    const layer = digest === null ? sessionOf(location ?? "") : shortDigest(digest);
    const name = `${repositoryOf(url)} ${layer}`;
    return this.#options.progress.begin(name, bodyBytesIn(headers));
  }

  /** The registry as the client's own credentials reach it, or those of the proxy. */
  #passing({ headers: { authorization } }: IncomingMessage): Upstream {
    const { upstream, secret } = this.#options;
    return secret === null ? upstream.as(authorization ?? null) : upstream;
  }

  async #answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    answer: Answer,
  ): Promise<void> {
    this.#maxRequestBytes = maxRequestBytesIn(answer.headers) ?? this.#maxRequestBytes;
    const self = `http://${incoming.headers.host ?? ""}`;
    const { upstream, secret } = this.#options;
    const headers = rewritten(answer.headers, upstream.origin, self);
    // The challenge is the proxy's to answer, and it could not.
    const isOurs = secret !== null && answer.status === 401;
    if (isOurs) delete headers["www-authenticate"];
    outgoing.writeHead(isOurs ? 403 : statusOf(incoming, answer), headers);
    await pipeline(answer.body, outgoing);
    drain(incoming);
  }

  #fail(incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void {
    const { upstream, progress } = this.#options;
    const message = messageOf(error, upstream);
    const { method = "", url = "" } = incoming;
    // Clients show the status alone, or not even that; uploads have said it on a line of their own.
    if (uploadTarget(method, url) === null) {
      progress.begin(`${method} ${url.split("?", 1)[0]}`, null).failed(message);
    }
    refuse(incoming, outgoing, { status: 502, code: "UNAVAILABLE", message });
  }
}

function messageOf(error: unknown, { origin }: Upstream): string {
  const { message, hint } = error instanceof CliError ? error : unreachable(origin, error);
  return unjoined(hint === null ? message : `${message}. ${hint}`);
}

function statusOf({ method }: IncomingMessage, { status }: Answer): number {
  // 204 is the answer to the question how much has arrived, asked after a chunk's own answer was lost.
  return method === "PATCH" && status === 204 ? 202 : status;
}

function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, code, message, headers }: Refusal,
): void {
  outgoing.writeHead(status, { "content-type": "application/json", ...headers });
  outgoing.end(JSON.stringify({ errors: [{ code, message }] }));
  drain(incoming);
}

/** The offset that a client's own chunk begins at. */
function rangeStart({ headers }: IncomingMessage): number | null {
  const { "content-range": range = "" } = headers;
  const start = /^(?:bytes )?(\d+)-\d+/.exec(range)?.[1];
  return start === undefined ? null : Number(start);
}

/** Reads and drops what the client still sends: it loses the answer if its connection is closed (RFC 9112 § 9.6). */
function drain(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  const late = setTimeout(() => incoming.destroy(), DRAIN_MS);
  // A request whose answer was given is not told that its connection has closed.
  incoming.socket.once("close", () => clearTimeout(late));
  incoming.once("end", () => clearTimeout(late));
  incoming.once("error", () => clearTimeout(late));
  incoming.on("readable", () => void incoming.read());
  incoming.read();
}
