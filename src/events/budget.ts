import { network, range } from "../network.ts";
import type { AuditEvent } from "../db/audit.ts";

/**
 * Limits how many refusals the log records. Anyone can cause refusals as often as they like, so the records are
 * bounded. Each kind has limits of its own, and in it each account, namespace and network, so that nobody can hide
 * behind others' noise.
 */

/** The length of a window, over which records are counted, in milliseconds. */
export const BUDGET_WINDOW = 15 * 60_000;

/**
 * The kind of refusal: a password; a secret or token; an ID token that was compared with rules, from the source that
 * one of these trusts ("own") or from another one ("foreign"); an action that the caller may not do; a login that had
 * to wait.
 */
export type Refused = "password" | "secret" | "own token" | "foreign token" | "denial" | "wait";

export interface Refusal {
  readonly of: Refused;
  readonly event: AuditEvent;
}

/**
 * The keys that records are counted by: `one` is the account or namespace concerned, `home` the namespace of a machine
 * that was denied something, `outsiders` a namespace where machines of other namespaces were denied something.
 */
type By = "one" | "home" | "outsiders" | "network" | "range" | "all";

/** The most records of one window for each key, the narrowest first. */
type Room = Readonly<Partial<Record<By, number>>>;

/** The limits of each kind of refusal. A record is taken by the first set of limits that it fits in. */
const ROOMS = {
  stranger: [{ network: 10, range: 20, all: 30 }],
  // The first records of each account have limits of their own: noise at some accounts hides no guesses at another.
  account: [
    { one: 3, all: 150 },
    { one: 7, network: 10, range: 20, all: 30 },
  ],
  wait: [{ one: 1, all: 30 }],
  "own token": [{ network: 10, range: 20, one: 30 }],
  // Anyone with an account at a forge can send these to each namespace that trusts it.
  "foreign token": [{ one: 10, all: 150 }],
  // Only administrators create users, but a namespace's owners create as many robots and rules as they like.
  denial: [{ one: 60, outsiders: 120, home: 300 }],
} as const satisfies Record<string, readonly Room[]>;

export interface Count {
  readonly key: string;
  readonly most: number;
}

/** A number of refusals in one window that are not recorded one by one. */
export interface Dropped {
  readonly since: number;
  /** The key of their kind. */
  readonly of: string;
  /** The namespace whose owners may read the number; messages of older versions have none. */
  readonly namespace?: string;
  readonly count: number;
}

interface Budget {
  readonly kind: string;
  readonly namespace?: string;
  readonly rooms: readonly (readonly Count[])[];
}

export function budgetOf(refusal: Refusal): Budget {
  const { name, rooms, one, kind, namespace, home, isOutside } = kindOf(refusal);
  const near = network(refusal.event.address ?? "");
  const keys: Readonly<Record<By, string | null>> = {
    one: `${name} ${one}`,
    home: home === null ? null : `${name} of ${home}`,
    outsiders: isOutside ? kind : null,
    network: `${kind} network ${near}`,
    range: `${kind} range ${range(near)}`,
    all: name,
  };
  const counted = rooms.map((room, i) =>
    Object.entries(room).flatMap(([by, most]) => {
      const key = keys[by as By];
      return key === null ? [] : { key: i + 1 < rooms.length ? `${key} first` : key, most };
    }),
  );
  return { kind, rooms: counted, ...(namespace === undefined ? {} : { namespace }) };
}

interface Kind {
  readonly name: string;
  readonly rooms: readonly Room[];
  readonly one: string;
  /** The key under which refusals that are not recorded are counted. */
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly home: string | null;
  readonly isOutside: boolean;
}

function kindOf({ of, event: { actor, namespace } }: Refusal): Kind {
  const plain = { home: null, isOutside: false };
  if (of === "denial" && actor !== null) return denialOf(actor, namespace);
  if (of === "own token" || of === "foreign token") {
    const one = namespace ?? "";
    return { ...plain, name: of, rooms: ROOMS[of], one, kind: `${of} ${one}`, namespace };
  }
  if (of === "wait") {
    return { ...plain, name: of, rooms: ROOMS.wait, one: actor ?? "stranger", kind: of };
  }
  if (actor === null || actor === WORKLOAD) {
    const name = `${of} ${actor ?? "stranger"}`;
    return { ...plain, name, rooms: ROOMS.stranger, one: "", kind: name };
  }
  const name = `${of} account`;
  return { ...plain, name, rooms: ROOMS.account, one: actor, kind: name };
}

/** Owners read how much was refused in their namespace; a denial outside any namespace goes to the machine's own. */
function denialOf(actor: string, target: string | undefined): Kind {
  const home = homeOf(actor);
  const isOutside = target !== undefined && home !== target && isMachine(actor);
  const kind =
    target === undefined
      ? `denial of ${home ?? actor}`
      : `denial in ${target}${isOutside ? " by outsiders" : ""}`;
  const namespace = target ?? home ?? undefined;
  return { name: "denial", rooms: ROOMS.denial, one: actor, kind, namespace, home, isOutside };
}

/** The name under which all failing workloads are counted, as in auth/oidc/workload.ts. */
const WORKLOAD = "oidc";

function isMachine(actor: string): boolean {
  return actor === WORKLOAD || actor.includes("+");
}

/** Returns the namespace of a robot, "acme+ci", or of a workload's rule, "oidc:acme+ci"; null for a user. */
function homeOf(actor: string): string | null {
  return /^(?:oidc:)?([^+]+)\+/.exec(actor)?.[1] ?? null;
}

/** Returns the start of the window that contains a moment, in milliseconds since 1970. */
export function windowOf(time: number): number {
  return time - (time % BUDGET_WINDOW);
}

/** Returns the count that the log gets for a refusal that it does not record. */
export function droppedOf(refusal: Refusal): Dropped {
  const { kind, namespace } = budgetOf(refusal);
  const since = windowOf(refusal.event.time);
  return { since, of: kind, ...(namespace === undefined ? {} : { namespace }), count: 1 };
}

/** Returns the same count without the name of its namespace. */
export function elsewhere({ since, count }: Dropped): Dropped {
  return { since, of: "elsewhere", count };
}

/** Returns the counts that a record of the refusal would raise by one; null when no set of limits has room for it. */
export function roomOf(
  refusal: Refusal,
  standing: (key: string) => number,
): readonly Count[] | null {
  const { rooms } = budgetOf(refusal);
  return rooms.find((room) => room.every(({ key, most }) => standing(key) < most)) ?? null;
}

export interface Admission {
  readonly admitted: readonly Refusal[];
  /** The new values of the counts that the records raise. */
  readonly counts: ReadonlyMap<string, number>;
  readonly dropped: readonly Refusal[];
}

/** Decides, in order, which of one window's refusals are recorded, given the counts before. */
export function admit(
  refusals: readonly Refusal[],
  before: ReadonlyMap<string, number>,
): Admission {
  const counts = new Map<string, number>();
  const standing = (key: string) => counts.get(key) ?? before.get(key) ?? 0;
  const [admitted, dropped]: [Refusal[], Refusal[]] = [[], []];
  for (const refusal of refusals) {
    const room = roomOf(refusal, standing);
    for (const { key } of room ?? []) counts.set(key, standing(key) + 1);
    (room === null ? dropped : admitted).push(refusal);
  }
  return { admitted, counts, dropped };
}
