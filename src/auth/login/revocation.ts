import { type Actor, withoutPublic } from "../policy/access.ts";
import type { AuthContext } from "../context.ts";
import { type LoginCache, loginCacheOf, type Snapshot } from "./cache.ts";
import type { RevocationsTaker, Identities, Revocations } from "../identity-store.ts";

/** How old what is known of revocations may be, in milliseconds: of what a request rests on, and for a pull. */
const AGES = { fresh: 30_000, recent: 60_000 };
type Age = keyof typeof AGES;
/** A refresh that has not ended by then was cut off, and another may begin. */
const REFRESH_TIME = 10_000;

/** What is revoked when a repository's name means something else, or nothing any more. */
export function repositorySubject(name: string): string {
  return `repository:${name}`;
}

/** As of when what was known of the subject holds no longer, by the database's clock: 0 for never, infinity where nobody looked. */
export function revokedAt(identities: Identities, subject: string): number {
  const snapshot = youngSnapshot(loginCacheOf(identities), "recent");
  return snapshot === null ? Number.POSITIVE_INFINITY : timeOf(snapshot, subject);
}

/** Takes the news where it is due; null where it is known. */
export function revocationsTaker(identities: Identities): RevocationsTaker | null {
  const cache = loginCacheOf(identities);
  return youngSnapshot(cache, "fresh") === null ? taker(cache) : null;
}

/**
 * The actor, without the rights that rested on what is public no more.
 * @returns null when anything else that it rests on was taken back since it got its rights
 */
export async function unrevoked(actor: Actor, auth: AuthContext, age: Age): Promise<Actor | null> {
  const { dependsOn, grantedAt } = actor;
  if (grantedAt === null) return actor;
  const revoked = await revokedAmong(dependsOn, grantedAt, auth, age);
  if (revoked.length === 0) return actor;
  const isPublic = revoked.every((subject) => subject.startsWith("public:"));
  return isPublic ? withoutPublic(actor, revoked) : null;
}

/** Those of the subjects that were revoked since. */
export async function revokedAmong(
  subjects: readonly string[],
  grantedAt: number,
  auth: AuthContext,
  age: Age,
): Promise<string[]> {
  const snapshot = await snapshotOf(auth, age);
  const suspects = subjects.filter((subject) => grantedAt <= timeOf(snapshot, subject));
  const unlisted = suspects.filter((subject) => !snapshot.revocations.times.has(subject));
  if (unlisted.length === 0) return suspects;
  // Of their kind more were revoked than are listed, by whomever: these few are looked up.
  const times = await auth.identities.revocationsOf(unlisted);
  return suspects.filter((subject) => {
    const time = snapshot.revocations.times.get(subject) ?? times.get(subject) ?? 0;
    return grantedAt <= time;
  });
}

/** Whether any was revoked since, as far as this is known: where it is not, it may have been. */
export function mayBeRevoked(
  subjects: readonly string[],
  grantedAt: number,
  identities: Identities,
): boolean {
  const snapshot = youngSnapshot(loginCacheOf(identities), "fresh");
  if (snapshot === null) return true;
  return subjects.some((subject) => grantedAt <= timeOf(snapshot, subject));
}

/** Sees to it that pulls will know of revocations, without waiting for it. */
export function refresh(auth: AuthContext): void {
  const { identities } = auth;
  const cache = loginCacheOf(identities);
  if (youngSnapshot(cache, "fresh") !== null) return;
  if (cache.refreshing > Date.now() - REFRESH_TIME) return;
  cache.refreshing = Date.now();
  const work = read(cache, identities)
    // A pull that finds nothing young enough reads for itself, and says so.
    .catch(() => null)
    .finally(() => (cache.refreshing = 0));
  auth.defer(work);
}

/** Each request waits for its own read only: workerd ends one that waits for another's. */
async function snapshotOf(auth: AuthContext, age: Age): Promise<Snapshot> {
  const cache = loginCacheOf(auth.identities);
  const known = youngSnapshot(cache, age);
  if (known === null) return read(cache, auth.identities);
  refresh(auth);
  return known;
}

async function read(cache: LoginCache, identities: Identities): Promise<Snapshot> {
  const take = taker(cache);
  return take(await identities.revoked());
}

/** It is as old as the moment at which it was asked for. */
function taker(cache: LoginCache): (revocations: Revocations) => Snapshot {
  const taken = Date.now();
  return (revocations) => {
    const snapshot = { taken, revocations };
    if (cache.snapshot === null || cache.snapshot.taken <= taken) cache.snapshot = snapshot;
    return snapshot;
  };
}

function youngSnapshot({ snapshot }: LoginCache, age: Age): Snapshot | null {
  return snapshot !== null && snapshot.taken >= Date.now() - AGES[age] ? snapshot : null;
}

function timeOf({ revocations }: Snapshot, subject: string): number {
  const { times, unlisted } = revocations;
  const time = times.get(subject);
  if (time !== undefined) return time;
  if (unlisted.size === 0) return 0;
  return unlisted.get(subject.slice(0, subject.indexOf(":") + 1)) ?? 0;
}
