import { setTimeout as sleep } from "node:timers/promises";
import { networkReasonOf } from "../network-reason.ts";
import { warn } from "../report.ts";
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

/** What failed, and how often it has failed in a row. */
export interface Failed {
  /** The server's. */
  readonly origin: string;
  readonly result: Answer | Error;
  readonly failures: number;
  /** After so many failures it is given up. */
  readonly maxTries: number;
}

/**
 * Waits before a try, the longer the more have failed; at least as long as the server asked for. A wait that people notice
 * is told.
 */
export async function waitToRetry(failed: Failed, signal?: AbortSignal): Promise<void> {
  const { result, failures } = failed;
  // Between half and the whole, so that uploads that failed together do not come back together.
  const ownMs = grownMs(failures) * (0.5 + Math.random() / 2);
  const asked = result instanceof Error ? undefined : result.headers["retry-after"];
  const waitMs = Math.max(ownMs, Math.min(retryAfterMs(asked) ?? 0, MAX_RETRY_AFTER_MS));
  tell(failed, waitMs);
  await sleep(waitMs, undefined, { signal });
}

function grownMs(failures: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
}

/** Shorter waits pass before anyone has read about them. */
const LEAST_TOLD_MS = 1500;
/** The time until which a wait was told, by the server's origin: layers that wait at the same time say it once. */
const toldUntil = new Map<string, number>();

function tell({ origin, result, failures, maxTries }: Failed, waitMs: number): void {
  const now = Date.now();
  if (waitMs < LEAST_TOLD_MS || now < (toldUntil.get(origin) ?? 0)) return;
  toldUntil.set(origin, now + waitMs);
  let leftMs = waitMs;
  for (let next = failures + 1; next < maxTries; next++) leftMs += grownMs(next) * 0.75;
  const what =
    result instanceof Error
      ? `does not answer (${networkReasonOf(result)})`
      : `answered ${result.status}`;
  const [wait, left] = [waitMs, leftMs].map((ms) => Math.round(ms / 1000));
  const end = failures + 1 === maxTries ? "for the last time" : `giving up in about ${left} s`;
  warn(`${origin} ${what}; trying again in ${wait} s, ${end}`);
}
