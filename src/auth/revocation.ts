import type { Actor } from "./access.ts";
import type { Principals } from "./principals.ts";

/** How old what is known of revocations may be, in milliseconds, for anything but a pull. */
const REVOCATION_AGE = 30_000;

interface Snapshot {
  readonly taken: number;
  readonly revoked: ReadonlyMap<string, number>;
}

/** What this isolate knows, for each database: a few rows, asked for every half minute instead of with every request. */
const snapshots = new WeakMap<Principals, Snapshot>();

/** Was anything that the actor rests on taken back since it got its rights? */
export async function isRevoked({ by, asOf }: Actor, principals: Principals): Promise<boolean> {
  if (asOf === null) return false;
  return (await revokedAmong(by, asOf, principals)).size > 0;
}

/** Those of the subjects that were revoked since. */
export async function revokedAmong(
  subjects: readonly string[],
  asOf: number,
  principals: Principals,
): Promise<Set<string>> {
  const now = Date.now();
  let snapshot = snapshots.get(principals);
  if (snapshot === undefined || snapshot.taken < now - REVOCATION_AGE) {
    snapshot = { taken: now, revoked: await principals.revoked() };
    snapshots.set(principals, snapshot);
  }
  const { revoked } = snapshot;
  return new Set(subjects.filter((subject) => asOf <= (revoked.get(subject) ?? 0)));
}
