import { type Actor, anonymous, type Grant, machineGrants } from "./access.ts";
import type { TrustRule } from "./trust.ts";

/** Workloads log in under this name, with their ID token or what they exchanged it for as the password. */
export const WORKLOAD = "oidc";

/** A rule that an ID token satisfied: what it gives, and until when (in seconds since 1970). */
export interface Admission {
  readonly rule: string;
  readonly grants: readonly Grant[];
  readonly until: number;
}

/** What an ID token came to. */
export interface Workload {
  readonly admissions: readonly Admission[];
  /** The ID token's. */
  readonly subject: string;
  /** As of when the rules were read, in milliseconds since 1970. */
  readonly asOf: number;
}

/** The subject that is revoked with a rule. */
export function ruleSubject(rule: string): string {
  return `rule:${rule}`;
}

export function admit(rules: readonly TrustRule[]): Admission[] {
  const now = Math.floor(Date.now() / 1000);
  return rules.map(({ id, scopes, lifetime }) => ({
    rule: id,
    grants: machineGrants(scopes),
    until: now + lifetime,
  }));
}

/**
 * Who the workload is for what it wants: everyone may make rules for everyone's tokens, so only those of the namespaces
 * concerned have a say in its name, its rights and how long they hold.
 * @param repositories what the request is about; none for all of the rules
 */
export function workloadActor(
  { admissions, subject, asOf }: Workload,
  repositories: readonly string[],
): Actor {
  const namespaces = repositories.map((repository) => repository.split("/", 1)[0]);
  const concerned =
    repositories.length === 0
      ? admissions
      : admissions.filter(({ rule }) => namespaces.includes(rule.split("+", 1)[0]));
  const [first] = concerned;
  return {
    ...anonymous(false),
    name: first === undefined ? WORKLOAD : `${WORKLOAD}:${first.rule}`,
    via: "oidc",
    grants: concerned.flatMap(({ grants }) => grants),
    by: concerned.map(({ rule }) => ruleSubject(rule)),
    subject,
    expires: Math.min(...(first === undefined ? admissions : concerned).map(({ until }) => until)),
    asOf,
  };
}
