import { network, range } from "../network.ts";
import type { AuditEvent } from "../db/audit.ts";

/**
 * How many records of refusals the log takes. Anyone can have a request refused as often as they like, so what they cause to be
 * written is bounded, and so that nobody can hide behind others' noise each kind has bounds of its own, and in it each account,
 * namespace and network.
 */

/** Records are counted over so many milliseconds. */
export const BUDGET_WINDOW = 15 * 60_000;

/**
 * What was refused: a password; a secret or token; an ID token that was compared with rules, from where those of one of them
 * come or from elsewhere; what the caller may not do; a login that had to wait.
 */
export type Refused = "password" | "secret" | "own token" | "foreign token" | "denial" | "wait";

export interface Refusal {
  readonly of: Refused;
  readonly event: AuditEvent;
}

/**
 * What records are counted by: `one` is the account or namespace that they are about, `home` the namespace of the machine that
 * was denied something, `outsiders` the namespace where machines of others were.
 */
type By = "one" | "home" | "outsiders" | "network" | "range" | "all";

/** How many records one window takes by each count, the narrowest first. */
type Room = Readonly<Partial<Record<By, number>>>;

/** Each kind's rooms: the first one where all counts have a place left takes the record. */
const ROOMS = {
  stranger: [{ network: 10, range: 20, all: 30 }],
  // The first ones of each account are apart: noise at some accounts hides no guesses at another.
  account: [
    { one: 3, all: 150 },
    { one: 7, network: 10, range: 20, all: 30 },
  ],
  wait: [{ one: 1, all: 30 }],
  "own token": [{ network: 10, range: 20, one: 30 }],
  // Everyone with an account at a forge can send these to each namespace that trusts it.
  "foreign token": [{ one: 10, all: 150 }],
  // Users are made by administrators; robots and rules, as many as they like, by the owners of a namespace.
  denial: [{ one: 60, outsiders: 120, home: 300 }],
} as const satisfies Record<string, readonly Room[]>;

export interface Count {
  readonly key: string;
  readonly most: number;
}

/** What is told of refusals that are not recorded one by one, in one window. */
export interface Dropped {
  readonly since: number;
  /** Their kind. */
  readonly of: string;
  /** Whose owners are told; messages of older versions have none. */
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
  /** What those that are not recorded are counted under. */
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

/** Owners read how much was refused in their namespace; of what is in none, those of the machine's. */
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

/** The name under which all workloads fail; auth/oidc/workload.ts has it. */
const WORKLOAD = "oidc";

function isMachine(actor: string): boolean {
  return actor === WORKLOAD || actor.includes("+");
}

/** The namespace of a robot, "acme+ci", or of a workload's rule, "oidc:acme+ci"; null of a user, who has none. */
function homeOf(actor: string): string | null {
  return /^(?:oidc:)?([^+]+)\+/.exec(actor)?.[1] ?? null;
}

/** The beginning of the window that a moment lies in. */
export function windowOf(time: number): number {
  return time - (time % BUDGET_WINDOW);
}

/** What the log says of a refusal that it does not record. */
export function droppedOf(refusal: Refusal): Dropped {
  const { kind, namespace } = budgetOf(refusal);
  const since = windowOf(refusal.event.time);
  return { since, of: kind, ...(namespace === undefined ? {} : { namespace }), count: 1 };
}

/** The same where its namespace is not to be named. */
export function elsewhere({ since, count }: Dropped): Dropped {
  return { since, of: "elsewhere", count };
}

/** The counts that a refusal takes one of each of, where they stand so; null where it is not to be recorded. */
export function roomOf(
  refusal: Refusal,
  standing: (key: string) => number,
): readonly Count[] | null {
  const { rooms } = budgetOf(refusal);
  return rooms.find((room) => room.every(({ key, most }) => standing(key) < most)) ?? null;
}

export interface Admission {
  readonly admitted: readonly Refusal[];
  /** What the counts come to with them: those alone that went up. */
  readonly counts: ReadonlyMap<string, number>;
  readonly dropped: readonly Refusal[];
}

/** Which of one window's refusals are recorded, one after the other, where its counts stand so. */
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
