/** Requests that can be sent again: they are, while the registry asks for patience or the network fails. */
import { setTimeout } from "node:timers/promises";
import { CliError } from "../error.ts";
import { unreachable } from "./unreachable.ts";
import type { Answer } from "./upstream.ts";

const TRIES = 6;
const FIRST_PAUSE_MS = 500;
/** A registry that wants a longer pause than this is not waited for: whoever started the command decides. */
const MAX_PAUSE_MS = 60_000;

/** The answers that another try may change: too early, too many requests, and every 5xx but "not implemented". */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);
}

/**
 * Sends a request until its answer is final, at most six times. The pause is that of Retry-After, or else doubles from half a second.
 * @returns the last answer, which may still be a passing one
 * @throws what the last try threw, where no answer came
 */
export async function retried(send: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const usual = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
    let pauseMs: number;
    try {
      const answer = await send();
      if (!isPassing(answer.status) || tries === TRIES) return answer;
      pauseMs = retryAfterMs(answer.headers["retry-after"]) ?? usual;
      if (pauseMs > MAX_PAUSE_MS) return answer;
      answer.body.resume();
    } catch (error) {
      if (!isNetworkError(error) || tries === TRIES || signal?.aborted === true) throw error;
      pauseMs = usual;
    }
    await setTimeout(pauseMs, undefined, { signal });
  }
}

/** Retry-After in seconds or as a date (RFC 9110 § 10.2.3); null where there is none. */
export function retryAfterMs(header: string | undefined): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

/** What the system threw: a connection refused or broken, a name not found. Everything else is a bug, or said in words already. */
export function isNetworkError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    !(error instanceof CliError) &&
    ("code" in error || error.message.startsWith("nothing moved for"))
  );
}

/** Says which registry could not be reached, and why. */
export async function connected<T>(origin: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isNetworkError(error)) throw error;
    throw unreachable(origin, error);
  }
}
