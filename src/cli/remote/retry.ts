/** Requests that can be sent again: they are, while the registry asks for patience or the network fails. */
import { isRetryable, waitToRetry } from "./backoff.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { Answer } from "./upstream.ts";
import { unreachable } from "./unreachable.ts";

/** Tries in all, with about eight seconds of waiting between them unless the registry asks for more. */
const TRIES = 6;

/** What breaks off for a moment. A name that is not found and a certificate that is not trusted stay so. */
const PASSING = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENETUNREACH",
]);

export interface Retrying {
  readonly signal?: AbortSignal | undefined;
  /** A longer wait that the registry asks for is left to the caller. */
  readonly maxRetryAfterMs?: number;
}

/**
 * @param origin the server's, for what is said of waits
 * @returns the answer; the last try's if that, too, is one that another try may change
 * @throws the last try's error where no answer came
 */
export async function retried(
  origin: string,
  send: () => Promise<Answer>,
  { signal, maxRetryAfterMs = Infinity }: Retrying = {},
): Promise<Answer> {
  for (let failures = 1; ; failures++) {
    const result = await attempt(send);
    signal?.throwIfAborted();
    if (result instanceof Error) {
      if (failures === TRIES || !isPassing(result)) throw result;
    } else {
      const asked = retryAfterMs(result.headers["retry-after"]) ?? 0;
      if (failures === TRIES || !isRetryable(result) || asked > maxRetryAfterMs) return result;
      result.body.resume();
    }
    await waitToRetry({ origin, result, failures, maxTries: TRIES }, signal);
  }
}

/** The same. @throws CliError where no answer came, which names the server */
export async function reached(
  origin: string,
  send: () => Promise<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  try {
    return await retried(origin, send, { signal });
  } catch (error) {
    throw isNetworkError(error) ? unreachable(origin, error) : error;
  }
}

/** @returns the system's error where no answer came; anything else is thrown */
async function attempt(send: () => Promise<Answer>): Promise<Answer | Error> {
  try {
    return await send();
  } catch (error) {
    if (isNetworkError(error)) return error;
    throw error;
  }
}

/** An error of the system or of TLS; others are bugs, or said in words already. */
export function isNetworkError(error: unknown): error is NodeJS.ErrnoException {
  const { code, name } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || name === "CliError" || name === "AbortError") return false;
  return code !== undefined;
}

export function isPassing(error: NodeJS.ErrnoException): boolean {
  return PASSING.has(error.code ?? "");
}
