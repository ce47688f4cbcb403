import { network, range } from "../network.ts";
import type { AuditEvent } from "../storage/audit-index.ts";

/**
 * How many records of refusals the log takes. Anyone can have a request refused as often as they like, so what they cause to be
 * written is bounded, and so that nobody can hide behind others' noise each kind has a bound of its own, and each account.
 */

/** Records are counted over so many milliseconds. */
export const BUDGET_WINDOW = 15 * 60_000;

/** How many records one window takes of a kind: of all, of a /24 or /48, of an address or a /64, and at one account. */
const MOST = { all: 30, range: 20, network: 10, account: 10 };
/** And how many denials of one who is logged in; strangers have no part in these. */
const MOST_DENIALS = 60;

/** What came to nothing: a password, a secret or token, or what the caller may not do. */
export type Refused = "password" | "secret" | "denial";

export interface Refusal {
  readonly of: Refused;
  readonly event: AuditEvent;
}

/** A record's kind, and the counts that it takes one of, each with the most that it may come to. */
interface Budget {
  readonly kind: string;
  readonly counts: readonly (readonly [key: string, most: number])[];
}

export function budgetOf({ of, event: { actor, address, namespace } }: Refusal): Budget {
  if (of === "denial" && actor !== null) {
    const kind = `denial ${actor}`;
    return { kind, counts: [[kind, MOST_DENIALS]] };
  }
  const isAccount = actor !== null && actor !== WORKLOAD;
  // An ID token that was compared with a namespace's rules: what is sent to one namespace takes no other's room.
  const compared = actor === WORKLOAD && namespace !== null ? ` ${namespace}` : "";
  const kind = `${of} ${isAccount ? "account" : (actor ?? "stranger")}${compared}`;
  const near = network(address ?? "");
  const account = isAccount ? ([[`${kind} ${actor}`, MOST.account]] as const) : [];
  return {
    kind,
    counts: [
      ...account,
      [`${kind} network ${near}`, MOST.network],
      [`${kind} range ${range(near)}`, MOST.range],
      [kind, MOST.all],
    ],
  };
}

/** The name under which all workloads fail; auth/workload.ts has it. */
const WORKLOAD = "oidc";

/** The beginning of the window that a moment lies in. */
export function windowOf(time: number): number {
  return time - (time % BUDGET_WINDOW);
}

export interface Admission {
  readonly admitted: readonly Refusal[];
  /** What the counts come to with them: those alone that went up. */
  readonly counts: ReadonlyMap<string, number>;
  /** How many of each kind were not admitted. */
  readonly dropped: ReadonlyMap<string, number>;
}

/** Which of one window's refusals are recorded, one after the other, where its counts stand so. */
export function admit(
  refusals: readonly Refusal[],
  before: ReadonlyMap<string, number>,
): Admission {
  const admitted: Refusal[] = [];
  const after = new Map<string, number>();
  const dropped = new Map<string, number>();
  const count = (key: string) => after.get(key) ?? before.get(key) ?? 0;
  for (const refusal of refusals) {
    const { kind, counts } = budgetOf(refusal);
    if (counts.every(([key, most]) => count(key) < most)) {
      admitted.push(refusal);
      for (const [key] of counts) after.set(key, count(key) + 1);
    } else {
      dropped.set(kind, (dropped.get(kind) ?? 0) + 1);
    }
  }
  return { admitted, counts: after, dropped };
}
