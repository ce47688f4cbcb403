import type { AttemptIndex } from "../db/login-attempts.ts";
import type { AuditIndex } from "../db/audit.ts";
import type { PrincipalIndex } from "../db/identities.ts";
import type { RefusalIndex } from "../events/refusal-store.ts";

/** Rows that one run forgets at most; what is left waits for the next. */
const BATCH = 1_000;
const MAX_BATCHES = 20;
/** Longer than a message waits in the queue for its eleventh try, in milliseconds: its window must not begin anew. */
const COUNTED_REFUSALS = 3_600_000;

export interface Ages {
  /** How long audit events are kept, in milliseconds. */
  readonly audit: number;
  /** The longest that anything can hold that was signed before a revocation, in milliseconds. */
  readonly tokens: number;
}

/** Forgets what is old, in bounded steps. */
export async function tidy(
  stores: {
    readonly attempts: AttemptIndex;
    readonly audit: AuditIndex;
    readonly principals: PrincipalIndex;
    readonly refusals: RefusalIndex;
  },
  { audit, tokens }: Ages,
): Promise<void> {
  const now = Date.now();
  try {
    await stores.attempts.expire(now, MAX_BATCHES * BATCH);
    await stores.refusals.expire(now - COUNTED_REFUSALS, MAX_BATCHES * BATCH);
    await stores.principals.expire(now - tokens, MAX_BATCHES * BATCH);
  } finally {
    // Whatever fails there does not keep the log from being shortened.
    await shorten(stores.audit, now - audit);
  }
}

async function shorten(audit: AuditIndex, before: number): Promise<void> {
  for (let i = 0; i < MAX_BATCHES; i++) {
    const gone = await audit.expire(before, BATCH);
    if (gone < BATCH) break;
  }
}
