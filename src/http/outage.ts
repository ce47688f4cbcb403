import { RegistryError } from "../oci/errors.ts";

/**
 * What D1, R2, Durable Objects and Queues say when the trouble is theirs and passes; they have no codes that an error
 * keeps on its way here (developers.cloudflare.com/d1/observability/debug-d1, /r2/api/error-codes,
 * /durable-objects/observability/troubleshooting).
 */
const PASSING = new RegExp(
  [
    "Network connection lost",
    "caused object to be reset",
    "reset because its code was updated",
    "was reset",
    "is overloaded",
    // What the triggers say that an import puts there.
    "import running",
    "transient issue",
    "internal error; reference",
    String.raw`\((?:10001|10043|10058)\)$`,
    "^Queue send failed",
  ].join("|"),
  "i",
);

/** Clients wait longer of their own accord; what has passed after a second need not. */
const RETRY_AFTER = "1";

/** Tells an outage, after which the client should try again, from a bug, after which that is no use. */
export function asRefusal(error: unknown): unknown {
  if (error instanceof RegistryError || !(error instanceof Error)) return error;
  const { retryable, overloaded } = error as { retryable?: unknown; overloaded?: unknown };
  if (retryable !== true && overloaded !== true && !PASSING.test(error.message)) return error;
  return new RegistryError("UNAVAILABLE", {
    headers: { "retry-after": RETRY_AFTER },
    cause: error,
  });
}
