import { RAISED } from "../db/raised.ts";
import { RegistryError } from "../oci/errors.ts";

/**
 * Errors of D1, R2, Durable Objects and Queues that are temporary faults of theirs. They are recognised by message,
 * since no code survives on the error (developers.cloudflare.com/d1/observability/debug-d1, /r2/api/error-codes,
 * /durable-objects/observability/troubleshooting).
 */
const PASSING = new RegExp(
  [
    "Network connection lost",
    "caused object to be reset",
    "reset because its code was updated",
    "was reset",
    "is overloaded",
    RAISED.importing,
    "transient issue",
    "internal error; reference",
    String.raw`\((?:10001|10043|10058)\)$`,
    "^Queue send failed",
  ].join("|"),
  "i",
);

/** Seconds. Clients wait longer by themselves; after a short fault they need not. */
const RETRY_AFTER = "1";

/** Turns an outage into a refusal that asks for another try. A bug is returned as it is: another try does not help. */
export function asRefusal(error: unknown): unknown {
  if (error instanceof RegistryError || !(error instanceof Error)) return error;
  const { retryable, overloaded } = error as { retryable?: unknown; overloaded?: unknown };
  if (retryable !== true && overloaded !== true && !PASSING.test(error.message)) return error;
  return new RegistryError("UNAVAILABLE", {
    headers: { "retry-after": RETRY_AFTER },
    cause: error,
  });
}
