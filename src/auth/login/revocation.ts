import { type Actor, withoutPublic } from "../policy/access.ts";
import type { Realm } from "../context.ts";
import { type Memory, memoryOf, type Snapshot } from "./cache.ts";
import type { News, Principals, Revocations } from "../identity-store.ts";

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
export function revokedAt(principals: Principals, subject: string): number {
  const snapshot = youngSnapshot(memoryOf(principals), "recent");
  return snapshot === null ? Number.POSITIVE_INFINITY : timeOf(snapshot, subject);
}

/** Takes the news where it is due; null where it is known. */
export function newsTaker(principals: Principals): News | null {
  const memory = memoryOf(principals);
  return youngSnapshot(memory, "fresh") === null ? taker(memory) : null;
}

/**
 * The actor, without the rights that rested on what is public no more.
 * @returns null when anything else that it rests on was taken back since it got its rights
 */
export async function unrevoked(actor: Actor, realm: Realm, age: Age): Promise<Actor | null> {
  const { by, asOf } = actor;
  if (asOf === null) return actor;
  const revoked = await revokedAmong(by, asOf, realm, age);
  if (revoked.length === 0) return actor;
  const isPublic = revoked.every((subject) => subject.startsWith("public:"));
  return isPublic ? withoutPublic(actor, revoked) : null;
}

/** Those of the subjects that were revoked since. */
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
  // Of their kind more were revoked than are listed, by whomever: these few are looked up.
  const times = await realm.principals.revocationsOf(unlisted);
  return suspects.filter((subject) => {
    const time = snapshot.revocations.times.get(subject) ?? times.get(subject) ?? 0;
    return asOf <= time;
  });
}

/** Whether any was revoked since, as far as this is known: where it is not, it may have been. */
export function mayBeRevoked(
  subjects: readonly string[],
  asOf: number,
  principals: Principals,
): boolean {
  const snapshot = youngSnapshot(memoryOf(principals), "fresh");
  if (snapshot === null) return true;
  return subjects.some((subject) => asOf <= timeOf(snapshot, subject));
}

/** Sees to it that pulls will know of revocations, without waiting for it. */
export function refresh(realm: Realm): void {
  const { principals } = realm;
  const memory = memoryOf(principals);
  if (youngSnapshot(memory, "fresh") !== null) return;
  if (memory.refreshing > Date.now() - REFRESH_TIME) return;
  memory.refreshing = Date.now();
  const work = read(memory, principals)
    // A pull that finds nothing young enough reads for itself, and says so.
    .catch(() => null)
    .finally(() => (memory.refreshing = 0));
  realm.defer(work);
}

/** Each request waits for its own read only: workerd ends one that waits for another's. */
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

/** It is as old as the moment at which it was asked for. */
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
