import { type Actor, anonymous, type Grant, machineGrants } from "../policy/access.ts";
import { type Mismatch, shown, type TrustRule } from "./trust.ts";

/** The user name of workloads, with their ID token or its exchanged credential as the password. */
export const WORKLOAD = "oidc" as const;

/** The most characters of a password. An ID token is the longest; an exchanged credential keeps to the same limit. */
export const MAX_PASSWORD = 16 * 1024;

/** The most namespaces of one login by an ID token: each may have 100 rules to compare it with. */
export const MAX_NAMESPACES = 10;

/** The result of a rule that an ID token satisfied: its grants, and until when (in seconds since 1970). */
export interface RuleGrant {
  readonly rule: string;
  readonly grants: readonly Grant[];
  readonly until: number;
}

/** A workload that an ID token identified, with the rules that matter for a request. */
export interface Workload {
  readonly ruleGrants: readonly RuleGrant[];
  /** The `sub` of the ID token. */
  readonly subject: string;
  /** When the rules were read, in milliseconds since 1970. */
  readonly grantedAt: number;
}

/**
 * The content of an exchanged credential. It names rules and does not copy them: their scopes could make it longer than
 * a password may be.
 */
export interface Credential {
  readonly id: string;
  readonly rules: readonly string[];
  readonly subject: string;
  /** When the rules were satisfied, in milliseconds since 1970: their lifetimes begin then. */
  readonly grantedAt: number;
  /** In seconds since 1970. */
  readonly expires: number;
}

/** The subject that is revoked with a rule. */
export function ruleSubject(rule: string): string {
  return `rule:${rule}`;
}

const CREDENTIAL = "credential:";

/** The subject that is revoked with an exchanged credential. */
export function credentialSubject(id: string): string {
  return CREDENTIAL + id;
}

/**
 * Returns the subject of the exchanged credential that the caller sent; null for any other caller. A registry token
 * depends on the credential that it was made with, and is another one.
 */
export function sentCredential({ token, dependsOn }: Actor): string | null {
  if (token !== null) return null;
  return dependsOn.find((subject) => subject.startsWith(CREDENTIAL)) ?? null;
}

/** Returns the rules that the caller's rights come from. */
export function rulesOf({ dependsOn }: Actor): string[] {
  const rule = ruleSubject("");
  return dependsOn.flatMap((subject) =>
    subject.startsWith(rule) ? subject.slice(rule.length) : [],
  );
}

/** @param grantedAt when the rules' lifetimes begin, in milliseconds since 1970 */
export function matchedRules(rules: readonly TrustRule[], grantedAt: number): RuleGrant[] {
  const since = Math.floor(grantedAt / 1000);
  return rules.map(({ id, scopes, lifetime }) => ({
    rule: id,
    grants: machineGrants(scopes),
    until: since + lifetime,
  }));
}

/** The namespaces of repositories, each once. */
export function namespacesAmong(repositories: readonly string[]): string[] {
  return [...new Set(repositories.map((repository) => repository.split("/", 1)[0] ?? ""))];
}

/**
 * Makes the workload's actor from the rules of the namespaces concerned. Anyone may make rules for anyone's tokens, so
 * rules of other namespaces must not affect its name, its rights or its end.
 * @param credential what it logged in with, if it was exchanged: it ends by itself, whatever the rules say
 */
export function workloadActor(
  { ruleGrants, subject, grantedAt }: Workload,
  credential: Pick<Credential, "id" | "expires"> | null = null,
): Actor {
  const [first] = ruleGrants;
  const own = credential === null ? [] : [credentialSubject(credential.id)];
  const ends = Math.min(
    credential?.expires ?? Number.POSITIVE_INFINITY,
    ...ruleGrants.map(({ until }) => until),
  );
  return {
    ...anonymous(false),
    name: first === undefined ? WORKLOAD : `${WORKLOAD}:${first.rule}`,
    via: "oidc",
    grants: ruleGrants.flatMap(({ grants }) => grants),
    dependsOn: [...own, ...ruleGrants.map(({ rule }) => ruleSubject(rule))],
    subject,
    expires: Number.isFinite(ends) ? ends : null,
    grantedAt,
  };
}

/** The most mismatches to report: a few are enough to see what to fix. */
const MAX_EXPLAINED = 3;

/** Why an ID token satisfied no rule. */
export interface Explanation {
  /** For the sender of the token. What a rule wants is told only to a sender whose tokens the rule is about. */
  readonly message: string;
  /** For the owners of the rules, in their own namespaces. */
  readonly records: readonly {
    readonly namespace: string;
    readonly detail: string;
    /** Whether the token has the same source as the tokens of one of the namespace's rules. */
    readonly isOwn: boolean;
  }[];
}

/** @param unruled the named namespaces that have no rule for tokens of the issuer */
export function explain(
  subject: string,
  mismatches: readonly Mismatch[],
  unruled: readonly string[] = [],
): Explanation {
  const namespaces = [...new Set(mismatches.map(({ namespace }) => namespace))];
  const closest = namespaces.map((namespace) => {
    const all = mismatches.filter((mismatch) => mismatch.namespace === namespace);
    const own = all.filter(({ isOwn }) => isOwn);
    const isOwn = own.length > 0;
    return { namespace, isOwn, explained: (isOwn ? own : all).slice(0, MAX_EXPLAINED) };
  });
  const reasons = [
    ...closest.flatMap(({ isOwn, explained }) =>
      explained.map(({ full, found }) => (isOwn ? full : found)),
    ),
    ...unruled.map((namespace) => `${namespace}: no rule for tokens of this issuer`),
    ...(closest.some(({ isOwn }) => !isOwn)
      ? ["what the rule wants its owners read in their audit log"]
      : []),
  ];
  // Equal reasons are listed once: the number of rules is not for outsiders.
  const why = reasons.length === 0 ? "" : `: ${[...new Set(reasons)].join("; ")}`;
  return {
    message: `no trust rule accepts the ID token of ${shown(subject)}${why}`,
    records: closest.map(({ namespace, isOwn, explained }) => ({
      namespace,
      isOwn,
      detail: `no trust rule matches: ${explained.map(({ full }) => full).join("; ")}`,
    })),
  };
}
