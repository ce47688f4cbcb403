/** Talks to a scanner or a database of vulnerabilities: JSON by HTTP, with bounds on time, size and tries. */
import { boundedText } from "../../memory/bounded-text.ts";

/** A server did not answer, or not as it should. The message says which and why, and is fit for a user's eyes. */
export class ScannerUnavailable extends Error {}

/** The part of `fetch` that is used; a Worker's, or a service binding's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Transport {
  readonly fetch: Fetch;
  /** Waits so many milliseconds before a request is repeated. */
  readonly wait: (ms: number) => Promise<void>;
}

export interface Ask {
  readonly url: string;
  /** Sent by POST; a GET without it. */
  readonly body?: unknown;
  readonly method?: "DELETE";
  /** In lower case; they win over those of JSON. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; null if the answer is no JSON. */
  readonly json: unknown;
}

/** How often a request is sent at most. */
const MAX_TRIES = 3;
/** The longest wait that a server's Retry-After can ask for. */
const MAX_WAIT_MS = 30_000;

/**
 * Sends a request and reads the answer, whatever its status is. After 429 and 502 to 504 it is repeated twice, when Retry-After
 * says, else after 1 s and 4 s; then the last answer counts.
 * @throws ScannerUnavailable if there is no answer in time, or one that is too long
 */
export async function exchange(transport: Transport, ask: Ask): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    const reply = await exchangeOnce(transport.fetch, ask);
    if (!isPassing(reply.status) || tries === MAX_TRIES) return reply;
    await transport.wait(waitMs(reply.headers.get("retry-after"), tries));
  }
}

function isPassing(status: number): boolean {
  return status === 429 || (status >= 502 && status <= 504);
}

/** @param retryAfter seconds or a date (RFC 9110 § 10.2.3) */
function waitMs(retryAfter: string | null, tries: number): number {
  if (retryAfter === null) return 4 ** (tries - 1) * 1_000;
  const asked = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(asked) ? 1_000 : Math.min(Math.max(asked, 0), MAX_WAIT_MS);
}

/**
 * Sends a request once and reads the answer, whatever its status is. Redirects are not followed.
 * @throws ScannerUnavailable if there is no answer in time, or one that is too long
 */
export async function exchangeOnce(fetch: Fetch, ask: Ask): Promise<Reply> {
  const { url, body, method, headers, timeoutMs, maxBytes } = ask;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        accept: "application/json",
        "user-agent": "slipway",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // Only the address that an administrator chose is contacted, and a token goes nowhere else.
      redirect: "manual",
      signal,
    });
    const { body: answer } = response;
    const text = answer === null ? "" : await boundedText(answer, maxBytes, signal);
    if (text === null) {
      const most = `${maxBytes / 1024 ** 2} MiB`;
      throw new ScannerUnavailable(`${originOf(url)} gave an answer longer than ${most}`);
    }
    return { status: response.status, headers: response.headers, json: parsed(text) };
  } catch (error) {
    if (error instanceof ScannerUnavailable) throw error;
    const why = signal.aborted
      ? `gave no answer within ${timeoutMs / 1_000} s`
      : "could not be reached";
    throw new ScannerUnavailable(`${originOf(url)} ${why}`, { cause: error });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The status says what happened: proxies answer with pages.
    return null;
  }
}

/** The part of an address that is safe to show: no path, no password. */
export function originOf(url: string): string {
  return URL.parse(url)?.origin ?? "the scanner";
}
