/** Requests to one registry. They are sent by node:http, whose streams pass back-pressure on; fetch() has none for an upload. */
import http, {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { lengthOf } from "./pieces.ts";

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
  /** Without those that frame the body: `body` alone decides about these. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes can be sent again; a stream is sent once. */
  readonly body?: readonly Uint8Array[] | Streamed | null;
  readonly scopes?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface Streamed {
  readonly stream: Readable;
  /** null where nobody knows: it is sent in chunks. */
  readonly bytes: number | null;
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
    const { scopes = [] } = asked;
    const first = await this.#send(asked, (await this.#authorize?.(scopes, null)) ?? null);
    const challenge = first.headers["www-authenticate"];
    if (this.#authorize === null || first.status !== 401 || !challenge) return first;
    if (!isReplayable(asked)) return first;
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
      if (!isStale || !isReplayable(asked) || asked.signal?.aborted === true) throw error;
      return answered(this.#open(asked, authorization), asked.body ?? null);
    }
  }

  #open(
    { method, path, headers, body, signal }: Asked,
    authorization: string | null,
  ): ClientRequest {
    const { protocol, hostname, port } = this.#url;
    const { request } = protocol === "https:" ? https : http;
    return request({
      agent: this.#agent,
      // An IPv6 address has brackets in a URL, and none here.
      hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
      port,
      method,
      path,
      headers: {
        ...headers,
        ...framing(body ?? null),
        ...(authorization === null ? {} : { authorization }),
      },
      timeout: IDLE_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

/** A body without these would be read as the next request on its connection (RFC 9112 § 6.3). */
function framing(body: (Asked["body"] & {}) | null): Record<string, string | number> {
  if (body === null) return {};
  if (!("stream" in body)) return { "content-length": lengthOf(body) };
  return body.bytes === null
    ? { "transfer-encoding": "chunked" }
    : { "content-length": body.bytes };
}

function answered(sent: ClientRequest, body: (Asked["body"] & {}) | null): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  let response: IncomingMessage | null = null;
  sent.once("response", (answer: IncomingMessage) => {
    response = answer;
    const { statusCode: status = 0, headers } = answer;
    // A registry that answers before it has read the body will not read the rest.
    answer.once("end", () => sent.writableFinished || sent.destroy());
    resolve({ status, headers, body: answer });
  });
  // After the answer nothing listens: a registry that refused a body early may close the connection.
  sent.on("error", reject);
  sent.on("timeout", () => {
    // Bytes that wait here wait for their reader, not for the registry.
    if ((response?.readableLength ?? 0) > 0) sent.setTimeout(IDLE_MS);
    else sent.destroy(timedOut());
  });
  if (body === null) sent.end();
  else {
    // By a pipe, as TLS would encrypt at once all that is written at once.
    const source = "stream" in body ? body.stream : Readable.from(body, { objectMode: false });
    source.once("error", (error) => sent.destroy(error));
    source.pipe(sent);
  }
  return promise;
}

function timedOut(): Error {
  return Object.assign(new Error(`nothing moved for ${IDLE_MS / 1000} s`), { code: "ETIMEDOUT" });
}

function isReplayable({ body }: Asked): boolean {
  return body == null || !("stream" in body);
}
