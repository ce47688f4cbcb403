/** Requests to one registry. They are sent by node:http, whose streams pass back-pressure on; fetch() has none for an upload. */
import http, {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";
import { lengthOf } from "../upload/byte-queue.ts";

/**
 * Gives the Authorization header for these scopes ("repository:acme/app:pull,push"), or null for none.
 * @param challenge the WWW-Authenticate header of a 401: what was given last is not accepted any more
 */
export type Authorize = (
  scopes: readonly string[],
  challenge: string | null,
) => Promise<string | null>;

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes can be sent again; a stream is sent once, with the length that the headers say, or chunked. */
  readonly body?: readonly Uint8Array[] | Readable | null;
  readonly scopes?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Has to be read, or dumped by `resume()`. */
  readonly body: Readable;
}

/** A connection on which nothing moves for so long is given up: the edge ends one after 100 s (error 524). */
const IDLE_MS = 120_000;

export class Upstream {
  /** Such as "https://registry.example.com". */
  readonly origin: string;
  readonly #url: URL;
  readonly #authorize: Authorize | null;
  readonly #agent: http.Agent;

  /** @param agent the connections of another one for the same registry */
  constructor(origin: string, authorize: Authorize | null = null, agent?: http.Agent) {
    this.origin = origin;
    this.#url = new URL(origin);
    this.#authorize = authorize;
    const { Agent } = this.#url.protocol === "https:" ? https : http;
    // HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
    this.#agent = agent ?? new Agent({ keepAlive: true, proxyEnv: process.env });
  }

  /** The same registry with this header, as it was given by somebody else, over the same connections. */
  as(authorization: string | null): Upstream {
    const given: Authorize = (_, challenge) =>
      Promise.resolve(challenge === null ? authorization : null);
    return new Upstream(this.origin, given, this.#agent);
  }

  /**
   * Sends a request, and once more with fresh credentials where the first try got 401. Follows no redirect.
   * @throws the system's error where no answer came
   */
  async request(asked: Asked): Promise<Answer> {
    const { scopes = [], body = null } = asked;
    const first = await this.#send(asked, (await this.#authorize?.(scopes, null)) ?? null);
    const challenge = first.headers["www-authenticate"];
    const isReplayable = body === null || isBytes(body);
    if (this.#authorize === null || first.status !== 401 || !challenge || !isReplayable)
      return first;
    const fresh = await this.#authorize(scopes, challenge);
    if (fresh === null) return first;
    first.body.resume();
    return this.#send(asked, fresh);
  }

  /** Closes the connections that are idle. */
  close(): void {
    this.#agent.destroy();
  }

  async #send(asked: Asked, authorization: string | null): Promise<Answer> {
    const sent = this.#open(asked, authorization);
    try {
      return await answered(sent, asked.body ?? null);
    } catch (error) {
      // The registry closed an idle connection at the moment that it was used again (nodejs.org/api/http.html, reusedSocket).
      const isStale = sent.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
      const isReplayable = asked.body == null || isBytes(asked.body);
      if (!isStale || !isReplayable || asked.signal?.aborted === true) throw error;
      return answered(this.#open(asked, authorization), asked.body ?? null);
    }
  }

  #open(
    { method, path, headers, body, signal }: Asked,
    authorization: string | null,
  ): ClientRequest {
    const { protocol, hostname, port } = this.#url;
    const { request } = protocol === "https:" ? https : http;
    const length = body != null && isBytes(body) ? { "content-length": lengthOf(body) } : {};
    return request({
      agent: this.#agent,
      // An IPv6 address has brackets in a URL, and none here.
      hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
      port,
      method,
      path,
      headers: { ...headers, ...length, ...(authorization === null ? {} : { authorization }) },
      timeout: IDLE_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function answered(sent: ClientRequest, body: (Asked["body"] & {}) | null): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  sent.once("response", (response: IncomingMessage) => {
    const { statusCode: status = 0, headers } = response;
    // A registry that answers before it has read the body will not read the rest.
    response.once("end", () => sent.writableFinished || sent.destroy());
    resolve({ status, headers, body: response });
  });
  // After the answer nothing listens: a registry that refused a body early may close the connection.
  sent.on("error", reject);
  sent.once("timeout", () => sent.destroy(new Error(`nothing moved for ${IDLE_MS / 1000} s`)));
  if (body === null) sent.end();
  else if (isBytes(body)) {
    for (const piece of body) sent.write(piece);
    sent.end();
  } else {
    body.once("error", (error) => sent.destroy(error));
    body.pipe(sent);
  }
  return promise;
}

function isBytes(body: readonly Uint8Array[] | Readable): body is readonly Uint8Array[] {
  return Array.isArray(body);
}
