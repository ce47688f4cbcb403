import { type Actor, withoutPublic } from "../policy/access.ts";
import type { Realm } from "../context.ts";
import { type Memory, memoryOf, type Snapshot } from "./cache.ts";
import type { News, Principals, Revocations } from "../identity-store.ts";

/** The greatest age of the known revocations, in milliseconds: "fresh" for most requests, "recent" for a pull. */
const AGES = { fresh: 30_000, recent: 60_000 };
type Age = keyof typeof AGES;
/** Milliseconds after which a refresh counts as cut off, and another one may begin. */
const REFRESH_TIME = 10_000;

/** The subject that is revoked when a repository's name means another repository, or none any more. */
export function repositorySubject(name: string): string {
  return `repository:${name}`;
}

/**
 * Returns when cached entries of the subject became invalid, by the database's clock in milliseconds: 0 for never,
 * infinity when the isolate does not know.
 */
export function revokedAt(principals: Principals, subject: string): number {
  const snapshot = youngSnapshot(memoryOf(principals), "recent");
  return snapshot === null ? Number.POSITIVE_INFINITY : timeOf(snapshot, subject);
}

/** Returns a receiver of new revocations when the known ones are too old; else null. */
export function newsTaker(principals: Principals): News | null {
  const memory = memoryOf(principals);
  return youngSnapshot(memory, "fresh") === null ? taker(memory) : null;
}

/**
 * Returns the actor, without rights from repositories that are no longer public.
 * @returns null when anything else that it depends on was revoked since it got its rights
 */
export async function unrevoked(actor: Actor, realm: Realm, age: Age): Promise<Actor | null> {
  const { by, asOf } = actor;
  if (asOf === null) return actor;
  const revoked = await revokedAmong(by, asOf, realm, age);
  if (revoked.length === 0) return actor;
  const isPublic = revoked.every((subject) => subject.startsWith("public:"));
  return isPublic ? withoutPublic(actor, revoked) : null;
}

/** Returns the subjects that were revoked since `asOf`. */
export async function revokedAmong(
  subjects: readonly string[],
  asOf: number,
  realm: Realm,
  age: Age,
): Promise<string[]> {
  const snapshot = await snapshotOf(realm, age);
  const suspects = subjects.filter((subject) => asOf <= timeOf(snapshot, subject));
  const unlisted = suspects.filter((subject) => !snapshot.revocations.times.has(subject));
  if (unlisted.length === 0) return suspects;
  // More subjects of their kind were revoked than the snapshot lists, so whether these are among them is looked up.
  const times = await realm.principals.revocationsOf(unlisted);
  return suspects.filter((subject) => {
    const time = snapshot.revocations.times.get(subject) ?? times.get(subject) ?? 0;
    return asOf <= time;
  });
}

/** Returns whether a subject was revoked since; also true when the isolate does not know. */
export function mayBeRevoked(
  subjects: readonly string[],
  asOf: number,
  principals: Principals,
): boolean {
  const snapshot = youngSnapshot(memoryOf(principals), "fresh");
  if (snapshot === null) return true;
  return subjects.some((subject) => asOf <= timeOf(snapshot, subject));
}

/** Starts a refresh of the revocations for later pulls, without waiting for it. */
export function refresh(realm: Realm): void {
  const { principals } = realm;
  const memory = memoryOf(principals);
  if (youngSnapshot(memory, "fresh") !== null) return;
  if (memory.refreshing > Date.now() - REFRESH_TIME) return;
  memory.refreshing = Date.now();
  const work = read(memory, principals)
    // A pull that finds no recent snapshot reads one itself, and reports the error.
    .catch(() => null)
    .finally(() => (memory.refreshing = 0));
  realm.defer(work);
}

/** Reads for this request alone: workerd cancels a request that waits for another request's I/O. */
async function snapshotOf(realm: Realm, age: Age): Promise<Snapshot> {
  const memory = memoryOf(realm.principals);
  const known = youngSnapshot(memory, age);
  if (known === null) return read(memory, realm.principals);
  refresh(realm);
  return known;
}

async function read(memory: Memory, principals: Principals): Promise<Snapshot> {
  const take = taker(memory);
  return take(await principals.revoked());
}

/** Takes the time before the query: a snapshot is as old as the moment at which it was asked for. */
function taker(memory: Memory): (revocations: Revocations) => Snapshot {
  const taken = Date.now();
  return (revocations) => {
    const snapshot = { taken, revocations };
    if (memory.snapshot === null || memory.snapshot.taken <= taken) memory.snapshot = snapshot;
    return snapshot;
  };
}

function youngSnapshot({ snapshot }: Memory, age: Age): Snapshot | null {
  return snapshot !== null && snapshot.taken >= Date.now() - AGES[age] ? snapshot : null;
}

function timeOf({ revocations }: Snapshot, subject: string): number {
  const { times, unlisted } = revocations;
  const time = times.get(subject);
  if (time !== undefined) return time;
  if (unlisted.size === 0) return 0;
  return unlisted.get(subject.slice(0, subject.indexOf(":") + 1)) ?? 0;
}
