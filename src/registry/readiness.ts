/** Whether each service that the registry depends on has answered. */
export interface Parts {
  readonly database: boolean;
  readonly bucket: boolean;
  readonly sessions: boolean;
}

type Probes = { readonly [Part in keyof Parts]: () => Promise<unknown> };

/** How long an answer is cached, in milliseconds: anybody may ask, and each probe costs money. */
export const REMEMBERED_MS = 10_000;
/** How long a probe may take before it counts as failed, in milliseconds; load balancers wait a few seconds. */
const MAX_PROBE_MS = 3_000;
/**
 * How often a request looks whether another request's probes have ended, in milliseconds: it cannot await a promise of
 * another request.
 */
const POLL_MS = 20;

export class Readiness {
  readonly #probes: Probes;
  #known: Parts | null = null;
  /** When the last probes began, in milliseconds since 1970. */
  #probedAt = 0;

  constructor(probes: Probes) {
    this.#probes = probes;
  }

  /** Probes each service, at most once in ten seconds, however many requests come. */
  async check(): Promise<Parts> {
    const now = Date.now();
    if (now - this.#probedAt >= REMEMBERED_MS) return this.#probe(now);
    while (this.#known === null && Date.now() - now < MAX_PROBE_MS) await scheduler.wait(POLL_MS);
    return this.#known ?? { database: false, bucket: false, sessions: false };
  }

  async #probe(now: number): Promise<Parts> {
    this.#probedAt = now;
    const { database, bucket, sessions } = this.#probes;
    const [isDatabase, isBucket, isSessions] = await Promise.all(
      [database, bucket, sessions].map(answers),
    );
    this.#known = {
      database: isDatabase === true,
      bucket: isBucket === true,
      sessions: isSessions === true,
    };
    return this.#known;
  }
}

async function answers(probe: () => Promise<unknown>): Promise<boolean> {
  const late = new AbortController();
  const timeout = scheduler.wait(MAX_PROBE_MS, { signal: late.signal }).then(() => {
    throw new Error(`no answer within ${MAX_PROBE_MS} ms`);
  });
  try {
    await Promise.race([probe(), timeout]);
    return true;
  } catch (error) {
    console.error(error);
    return false;
  } finally {
    late.abort();
    timeout.catch(() => {});
  }
}
