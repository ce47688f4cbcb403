/**
 * Keyless CI: which ID tokens of which issuer get which rights. A rule is all that makes somebody else's tokens
 * trusted, so anything in doubt does not match: a missing claim, an object, an event that the rule does not name.
 */
import type { Scope } from "../policy/access.ts";
import { matches } from "../../oci/glob.ts";

export interface TrustRule {
  /** The id, such as "acme+github-app". */
  readonly id: string;
  /** Must equal the token's `iss` exactly. */
  readonly issuer: string;
  /** Must be in the token's `aud`. */
  readonly audience: string;
  /** Claim → globs: each claim must match one of its globs. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  readonly scopes: readonly Scope[];
  /** Lifetime of what the ID token is exchanged for, in seconds. */
  readonly lifetime: number;
}

/** The claims of an ID token; they can be trusted only after its signature was verified. */
export interface IdTokenClaims {
  readonly [claim: string]: unknown;
}

/**
 * The claims that name the event behind a CI run, with the events that only people with write access to the repository
 * cause, on commits in that repository. All other events, also those that a forge adds one day, may run or read what an
 * outsider wrote:
 * - GitHub: pull_request and its reviews run the pull request's merge commit; pull_request_target, issue_comment and
 *   workflow_run have the rights of the default branch and usually work with an outsider's code or artifacts (GitHub
 *   docs, "Securely using pull_request_target"); deployment_status runs a commit that may be a fork's.
 * - GitLab: besides merge requests also parent_pipeline, the only event that a merge request's child pipeline names
 *   (gitlab-org/gitlab#386787).
 */
const WRITERS_EVENTS: Readonly<Record<string, readonly string[]>> = {
  event_name: [
    "push",
    "create",
    "delete",
    "release",
    "schedule",
    "workflow_dispatch",
    "repository_dispatch",
  ],
  pipeline_source: ["push", "web", "webide", "schedule", "trigger", "api", "chat", "pipeline"],
};

/** The end of GitHub's default `sub` for pull requests. */
const PULL_REQUEST_SUBJECT = ":pull_request";

/** Why a token does not satisfy a rule. */
export interface Mismatch {
  readonly namespace: string;
  /** The part that the sender of the token may read: what the token says. */
  readonly found: string;
  /**
   * The full text, with the rule's name and what it wants: for its owners, and for a sender whose tokens it is about.
   */
  readonly full: string;
  /** Whether claims that cannot be taken over show that the token has the same source as the rule's tokens. */
  readonly isOwn: boolean;
}

/** Compares a verified token with each of the rules: returns those that it satisfies, and for the others the reason. */
export function compare(
  rules: readonly TrustRule[],
  claims: IdTokenClaims,
): { readonly matching: TrustRule[]; readonly mismatches: Mismatch[] } {
  const compared = rules.map((rule) => ({ rule, mismatch: mismatchOf(rule, claims) }));
  return {
    matching: compared.flatMap(({ rule, mismatch }) => (mismatch === null ? [rule] : [])),
    mismatches: compared.flatMap(({ mismatch }) => mismatch ?? []),
  };
}

/** @returns the first thing in the token that the rule does not allow, or null when the token satisfies the rule */
function mismatchOf(rule: TrustRule, claims: IdTokenClaims): Mismatch | null {
  const difference = differenceOf(rule, claims);
  if (difference === null) return null;
  const { found, wanted } = difference;
  const namespace = namespaceOfRule(rule.id);
  return {
    namespace,
    found: `${namespace}: ${found}`,
    full: `${rule.id}: ${found}${wanted === null ? "" : `, the rule wants ${shown(wanted)}`}`,
    isOwn: isFrom(rule, claims),
  };
}

interface Difference {
  readonly found: string;
  readonly wanted: string | null;
}

function differenceOf(rule: TrustRule, claims: IdTokenClaims): Difference | null {
  // A rule without conditions would be satisfied by every token.
  if (Object.keys(rule.claims).length === 0)
    return { found: "the rule names no claim", wanted: null };
  const failed = conditionsOf(rule, claims).find(({ holds }) => !holds);
  if (failed !== undefined) {
    return { found: said(claims, failed.claim), wanted: failed.wanted.join(" or ") };
  }
  const event = refusedEvent(rule, claims);
  if (event === null) return null;
  const found = `the event ${shown(event)} may run outsiders' code, and the rule does not name it`;
  return { found, wanted: null };
}

/** A claim that a rule asks for, and what the token says. */
export interface Condition {
  readonly claim: string;
  /** Globs, of which one has to match one of the values found. */
  readonly wanted: readonly string[];
  readonly found: readonly string[];
  readonly holds: boolean;
}

/** What a rule asks of a token's claims. The issuer, and the event (`refusedEvent`), are asked for besides. */
export type Asked = Pick<TrustRule, "claims" | "audience" | "scopes">;

/** Compares a token with each claim of a rule, those that say whose token it is first, and with its audience. */
export function conditionsOf(
  { claims: asked, audience }: Asked,
  claims: IdTokenClaims,
): Condition[] {
  // A stranger whose token fails the first ones learns no more about the rule.
  const wanted = Object.entries(asked).toSorted(([a], [b]) => rankOf(a) - rankOf(b));
  const ofClaims = wanted.map(([claim, patterns]) => ({
    claim,
    wanted: patterns,
    found: valuesOf(claims, claim),
    holds: satisfies(claims, claim, patterns),
  }));
  const found = valuesOf(claims, "aud");
  return [
    ...ofClaims,
    { claim: "aud", wanted: [audience], found, holds: found.includes(audience) },
  ];
}

/** Returns the event of the token that the rule would have to name, as it gives more than pull; null if there is none. */
export function refusedEvent(rule: Asked, claims: IdTokenClaims): string | null {
  return givesMoreThanPull(rule) ? (unnamedEvent(rule, claims) ?? null) : null;
}

function satisfies(claims: IdTokenClaims, claim: string, patterns: readonly string[]): boolean {
  const values = valuesOf(claims, claim);
  return patterns.some((pattern) => values.some((value) => matches(pattern, value)));
}

function said(claims: IdTokenClaims, claim: string): string {
  const values = valuesOf(claims, claim);
  return values.length === 0 ? `no "${claim}"` : `"${claim}" is ${shown(values.join(", "))}`;
}

/** Returns whether the rule pins the source of its tokens, and the token is from there. */
function isFrom(rule: TrustRule, claims: IdTokenClaims): boolean {
  const pinned = Object.entries(rule.claims).filter(
    ([claim, patterns]) =>
      SELECTIVE.includes(claim) && !patterns.some((pattern) => pattern.includes("*")),
  );
  return (
    pinned.length > 0 && pinned.every(([claim, patterns]) => satisfies(claims, claim, patterns))
  );
}

/** The claims that identify a token best, so that few rules share a value; others pinned to one value come after. */
const SELECTIVE = ["repository_id", "project_id", "repository_owner_id", "namespace_id", "sub"];

function rankOf(claim: string): number {
  const rank = SELECTIVE.indexOf(claim);
  return rank === -1 ? SELECTIVE.length : rank;
}

/** The most selectors of one token. No issuer sends so many claims; further ones select no rule. */
const MAX_SELECTORS = 500;

/**
 * Returns the key by which a rule is found among those of its issuer: a claim with the only value that it may have, or
 * "" where the rule pins none. So a login compares only the rules that may be its own, however many others the issuer
 * has.
 */
export function selectorOf({ claims }: Pick<TrustRule, "claims">): string {
  const pinned = Object.entries(claims).flatMap(([claim, [value, ...others]]) =>
    value !== undefined && others.length === 0 && !value.includes("*") ? [{ claim, value }] : [],
  );
  const best = SELECTIVE.map((claim) => pinned.find((one) => one.claim === claim));
  const chosen = [...best, ...pinned].find((one) => one !== undefined);
  return chosen === undefined ? "" : `${chosen.claim}=${chosen.value}`;
}

/** The selectors of the rules that a token with these claims may match. */
export function selectorsFor(claims: IdTokenClaims): string[] {
  const all = Object.keys(claims).flatMap((claim) =>
    valuesOf(claims, claim).map((value) => `${claim}=${value}`),
  );
  // Rules that pin nothing are searched last: however many there are, those with a selector are still found.
  return [...all.slice(0, MAX_SELECTORS), ""];
}

/** Formats others' text for a sentence in the log: quoted, on one line, of bounded length. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** Returns a claim's values as text. An array matches if one of its elements does; an object has no values. */
function valuesOf(claims: IdTokenClaims, claim: string): string[] {
  return [claims[claim]].flat().flatMap((value) => {
    // JSON.parse rounds larger numbers, so two different ids would become equal.
    if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) return [];
    const comparable = ["string", "number", "boolean"].includes(typeof value);
    return comparable ? [String(value)] : [];
  });
}

function givesMoreThanPull(rule: Asked): boolean {
  return rule.scopes.some(({ actions }) => actions.some((action) => action !== "pull"));
}

/**
 * Returns an event of the token that outsiders can cause and that the rule does not name literally: a glob must not
 * allow an event by accident.
 */
function unnamedEvent(rule: Asked, claims: IdTokenClaims): string | undefined {
  const events = Object.entries(WRITERS_EVENTS).flatMap(([claim, ofWriters]) => {
    if (!Object.hasOwn(claims, claim)) return [];
    const value = claims[claim];
    const event = typeof value === "string" ? value : JSON.stringify(value);
    return ofWriters.includes(event) ? [] : [event];
  });
  if (valuesOf(claims, "sub").some((sub) => sub.endsWith(PULL_REQUEST_SUBJECT))) {
    events.push("pull_request");
  }
  const named = namedEvents(rule);
  return events.find((event) => !named.includes(event));
}

function namedEvents(rule: Asked): string[] {
  const literals = (claim: string): string[] =>
    (rule.claims[claim] ?? []).filter((pattern) => !pattern.includes("*"));
  const events = Object.keys(WRITERS_EVENTS).flatMap(literals);
  const subject = literals("sub").some((sub) => sub.endsWith(PULL_REQUEST_SUBJECT));
  return subject ? [...events, "pull_request"] : events;
}

/** Returns the namespace that owns a rule: "acme+ci" → "acme". */
export function namespaceOfRule(id: string): string {
  return id.split("+", 1)[0] ?? id;
}
