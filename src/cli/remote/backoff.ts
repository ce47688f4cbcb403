import { setTimeout as sleep } from "node:timers/promises";
import { retryAfterMs } from "./retry-after.ts";
import type { Answer } from "./upstream.ts";

/** Tries in a row that bring nothing forward, with about three minutes of waiting between them. */
export const MAX_TRIES = 14;
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 20_000;
/** A registry may ask for a longer wait than ours, but not for hours. */
const MAX_RETRY_AFTER_MS = 60_000;
/** What a later try may answer otherwise: request timeout, too many requests. */
const RETRYABLE = new Set([408, 429]);
/** What the server never does: not implemented, HTTP version not supported. */
const LASTING = new Set([501, 505]);

/** Says whether a later try may get another answer; Cloudflare has 520 to 530 besides the usual 5xx. */
export function isRetryable({ status }: Answer): boolean {
  return RETRYABLE.has(status) || (status >= 500 && !LASTING.has(status));
}

/** Waits before a try, the longer the more have failed; at least as long as the registry asked for. */
export async function waitToRetry(
  failures: number,
  answer: Answer | null,
  signal?: AbortSignal,
): Promise<void> {
  const grown = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
  // Between half and the whole, so that uploads that failed together do not come back together.
  const ownMs = grown * (0.5 + Math.random() / 2);
  const askedMs = retryAfterMs(answer?.headers["retry-after"]) ?? 0;
  await sleep(Math.max(ownMs, Math.min(askedMs, MAX_RETRY_AFTER_MS)), undefined, { signal });
}
