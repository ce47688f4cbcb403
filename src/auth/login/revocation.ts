import { type Actor, withoutPublic } from "../policy/access.ts";
import type { AuthContext } from "../context.ts";
import { type LoginCache, loginCacheOf, type Snapshot } from "./cache.ts";
import type { OnRevocations, Identities, Revocations } from "../identity-store.ts";

/** The greatest age of the known revocations, in milliseconds: "fresh" for most requests, "recent" for a pull. */
const AGES = { fresh: 30_000, recent: 60_000 };
type Age = keyof typeof AGES;
/** Milliseconds after which a refresh counts as cut off, and another one may begin. */
const REFRESH_TIME = 10_000;

/** The subject that is revoked when a repository's name means another repository, or none any more. */
export function repositorySubject(name: string): string {
  return `repository:${name}`;
}

/** The subject that is revoked when what may be pulled from a namespace changes. */
export function policySubject(namespace: string): string {
  return `policy:${namespace}`;
}

/**
 * Returns when cached entries of the subject became invalid, by the database's clock in milliseconds: 0 for never,
 * infinity when the isolate does not know.
 */
export function revokedAt(identities: Identities, subject: string): number {
  const snapshot = youngSnapshot(loginCacheOf(identities), "recent");
  return snapshot === null ? Number.POSITIVE_INFINITY : timeOf(snapshot, subject);
}

/** Returns a receiver of new revocations when the known ones are too old; else null. */
export function onRevocations(identities: Identities): OnRevocations | null {
  const cache = loginCacheOf(identities);
  return youngSnapshot(cache, "fresh") === null ? taker(cache) : null;
}

/**
 * Returns the actor, without rights from repositories that are no longer public.
 * @returns null when anything else that it depends on was revoked since it got its rights
 */
export async function unrevoked(actor: Actor, auth: AuthContext, age: Age): Promise<Actor | null> {
  const { dependsOn, grantedAt } = actor;
  if (grantedAt === null) return actor;
  const revoked = await revokedAmong(dependsOn, grantedAt, auth, age);
  if (revoked.length === 0) return actor;
  const isPublic = revoked.every((subject) => subject.startsWith("public:"));
  return isPublic ? withoutPublic(actor, revoked) : null;
}

/** Returns the subjects that were revoked since `grantedAt`. */
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
  // More subjects of their kind were revoked than the snapshot lists, so whether these are among them is looked up.
  const times = await auth.identities.revocationsOf(unlisted);
  return suspects.filter((subject) => {
    const time = snapshot.revocations.times.get(subject) ?? times.get(subject) ?? 0;
    return grantedAt <= time;
  });
}

/** Returns whether a subject was revoked since; also true when the isolate does not know. */
export function mayBeRevoked(
  subjects: readonly string[],
  grantedAt: number,
  identities: Identities,
): boolean {
  const snapshot = youngSnapshot(loginCacheOf(identities), "fresh");
  if (snapshot === null) return true;
  return subjects.some((subject) => grantedAt <= timeOf(snapshot, subject));
}

/** Starts a refresh of the revocations for later pulls, without waiting for it. */
export function refresh(auth: AuthContext): void {
  const { identities } = auth;
  const cache = loginCacheOf(identities);
  if (youngSnapshot(cache, "fresh") !== null) return;
  if (cache.refreshing > Date.now() - REFRESH_TIME) return;
  cache.refreshing = Date.now();
  const work = read(cache, identities)
    // A pull that finds no recent snapshot reads one itself, and reports the error.
    .catch(() => null)
    .finally(() => (cache.refreshing = 0));
  auth.defer(work);
}

/** Reads for this request alone: workerd cancels a request that waits for another request's I/O. */
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

/** Takes the time before the query: a snapshot is as old as the moment at which it was asked for. */
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
