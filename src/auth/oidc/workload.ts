import { type Actor, anonymous, type Grant, machineGrants } from "../policy/access.ts";
import { type Mismatch, shown, type TrustRule } from "./trust.ts";

/** Workloads log in under this name, with their ID token or what they exchanged it for as the password. */
export const WORKLOAD = "oidc";

/** The characters of a password; an ID token is the longest, and what it is exchanged for is kept as short. */
export const MAX_PASSWORD = 16 * 1024;

/** A login by an ID token is for at most so many namespaces: each may have 100 rules to compare it with. */
export const MAX_NAMESPACES = 10;

/** A rule that an ID token satisfied: what it gives, and until when (in seconds since 1970). */
export interface RuleGrant {
  readonly rule: string;
  readonly grants: readonly Grant[];
  readonly until: number;
}

/** What an ID token came to, as far as a request is concerned. */
export interface Workload {
  readonly ruleGrants: readonly RuleGrant[];
  /** The ID token's. */
  readonly subject: string;
  /** As of when the rules were read, in milliseconds since 1970. */
  readonly grantedAt: number;
}

/** What an exchanged credential says. Rules are named, not copied: else their scopes could make it longer than a password. */
export interface Credential {
  readonly rules: readonly string[];
  readonly subject: string;
  /** When the rules were satisfied, in milliseconds since 1970: their lifetimes begin here. */
  readonly grantedAt: number;
  /** In seconds since 1970. */
  readonly expires: number;
}

/** The subject that is revoked with a rule. */
export function ruleSubject(rule: string): string {
  return `rule:${rule}`;
}

/** @param asOf since when the rules hold for the workload, in milliseconds since 1970 */
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
 * Who the workload is by the rules of the namespaces concerned: everyone may make rules for everyone's tokens, so no others
 * have a say in its name, its rights and how long they hold.
 * @param expires when its credentials end, whatever the rules say, in seconds since 1970
 */
export function workloadActor(
  { ruleGrants, subject, grantedAt }: Workload,
  expires: number | null = null,
): Actor {
  const [first] = ruleGrants;
  const ends = Math.min(
    expires ?? Number.POSITIVE_INFINITY,
    ...ruleGrants.map(({ until }) => until),
  );
  return {
    ...anonymous(false),
    name: first === undefined ? WORKLOAD : `${WORKLOAD}:${first.rule}`,
    via: "oidc",
    grants: ruleGrants.flatMap(({ grants }) => grants),
    dependsOn: ruleGrants.map(({ rule }) => ruleSubject(rule)),
    subject,
    expires: Number.isFinite(ends) ? ends : null,
    grantedAt,
  };
}

/** A few suffice to see what to mend. */
const MAX_TOLD = 3;

/** What a token was compared with in vain. */
export interface Explanation {
  /** For whoever sent the token, which is its own; what a rule wants is told to those alone whose tokens the rule is about. */
  readonly message: string;
  /** For the owners of the rules, in their own namespaces. */
  readonly records: readonly {
    readonly namespace: string;
    readonly detail: string;
    /** Whether the token is from where those of one of the namespace's rules come. */
    readonly isOwn: boolean;
  }[];
}

/** @param unruled the namespaces named that have no rule for tokens of the issuer */
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
    return { namespace, isOwn, told: (isOwn ? own : all).slice(0, MAX_TOLD) };
  });
  const reasons = [
    ...closest.flatMap(({ isOwn, told }) => told.map(({ full, found }) => (isOwn ? full : found))),
    ...unruled.map((namespace) => `${namespace}: no rule for tokens of this issuer`),
    ...(closest.some(({ isOwn }) => !isOwn)
      ? ["what the rule wants its owners read in their audit log"]
      : []),
  ];
  // Rules that ask for the same claim are told of once: how many there are is not for others.
  const why = reasons.length === 0 ? "" : `: ${[...new Set(reasons)].join("; ")}`;
  return {
    message: `no trust rule accepts the ID token of ${shown(subject)}${why}`,
    records: closest.map(({ namespace, isOwn, told }) => ({
      namespace,
      isOwn,
      detail: `no trust rule matches: ${told.map(({ full }) => full).join("; ")}`,
    })),
  };
}
