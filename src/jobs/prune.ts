import type { LoginAttemptStore } from "../db/login-attempts.ts";
import type { AuditStore } from "../db/audit.ts";
import type { IdentityStore } from "../db/identities.ts";
import type { SessionStore } from "../db/sessions.ts";
import type { OutboxStore } from "../events/outbox-store.ts";
import type { RefusalStore } from "../events/refusal-store.ts";

/** The rows that one batch deletes. At most MAX_BATCHES of them run; what is left waits for the next run. */
const BATCH = 1_000;
const MAX_BATCHES = 20;
/**
 * How long counts of refusals are kept, in milliseconds: longer than a message can wait in the queue for its eleventh
 * try, so that a late message finds the counts of its window instead of starting new ones.
 */
const COUNTED_REFUSALS = 3_600_000;
/** How long an advisory is kept since it was fetched, in milliseconds: one that images have is fetched again. */
const ADVISORIES_MS = 30 * 86_400_000;
/** Entries this much older than the first event of the outbox have none there: clocks of Workers differ by far less. */
const MARGIN = 3_600_000;

/** What scans remember of advisories. */
interface AdvisoryStore {
  readonly expire: (ageMs: number, limit: number) => Promise<void>;
}

export interface Ages {
  /** How long audit events are kept, in milliseconds. */
  readonly audit: number;
  /** How long a session lasts without use, in milliseconds. */
  readonly sessions: number;
  /** The longest time for which anything signed before a revocation can be valid, in milliseconds. */
  readonly tokens: number;
}

/** Forgets what is old, in bounded steps. */
export async function prune(
  stores: {
    readonly attempts: LoginAttemptStore;
    readonly audit: AuditStore;
    readonly identities: IdentityStore;
    readonly outbox: OutboxStore;
    readonly refusals: RefusalStore;
    readonly sessions: SessionStore;
    readonly advisories: AdvisoryStore;
  },
  { audit, sessions, tokens }: Ages,
): Promise<void> {
  const now = Date.now();
  try {
    await stores.attempts.expire(now, MAX_BATCHES * BATCH);
    await stores.refusals.expire(now - COUNTED_REFUSALS, MAX_BATCHES * BATCH);
    await stores.identities.expire(now - tokens, MAX_BATCHES * BATCH);
    await stores.sessions.expire(now - sessions, MAX_BATCHES * BATCH);
    await stores.advisories.expire(ADVISORIES_MS, BATCH);
  } finally {
    // Whatever fails there does not keep the log from being shortened.
    // An event that is not handed on yet has its fields there.
    const oldest = (await stores.outbox.oldest()) ?? now;
    await pruneTable(stores.audit, Math.min(now - audit, oldest - MARGIN));
  }
}

async function pruneTable(audit: AuditStore, before: number): Promise<void> {
  for (let i = 0; i < MAX_BATCHES; i++) {
    const gone = await audit.expire(before, BATCH);
    if (gone < BATCH) break;
  }
}
