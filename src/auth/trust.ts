/**
 * Keyless CI: which ID tokens of which issuer get which rights. A rule is the whole trust in somebody else's tokens, so all
 * that is in doubt does not match: a missing claim, an object, an event that nobody named.
 */
import type { Scope } from "./access.ts";
import { matches } from "../oci/glob.ts";

export interface TrustRule {
  /** Such as "acme+github-app". */
  readonly id: string;
  /** Exactly the token's `iss`. */
  readonly issuer: string;
  /** Must be in the token's `aud`. */
  readonly audience: string;
  /** Claim → globs: each claim must match one of its globs. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  readonly scopes: readonly Scope[];
  /** Of what is given for the ID token, in seconds. */
  readonly lifetime: number;
}

/** What an issuer says in an ID token; to be trusted only once its signature was verified. */
export interface IdTokenClaims {
  readonly [claim: string]: unknown;
}

/**
 * The claims that name the event behind a CI run, and the events that only people who may write to the repository cause, on
 * commits that are in it. All others (also those that a forge adds one day) may run or take in what an outsider wrote:
 * - GitHub: pull_request and its reviews run the pull request's merge commit; pull_request_target, issue_comment and
 *   workflow_run have the rights of the default branch and, as they are used, an outsider's code or artifacts in hand
 *   (GitHub docs, "Securely using pull_request_target"); deployment_status runs a commit that may be a fork's.
 * - GitLab: besides merge requests also parent_pipeline, which is all that a merge request's child pipeline says of itself
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

/** How GitHub's default `sub` ends for pull requests. */
const PULL_REQUEST_SUBJECT = ":pull_request";

/** The rules whose claims the token has. Issuer and audience are the caller's to compare. */
export function matchRules(rules: readonly TrustRule[], claims: IdTokenClaims): TrustRule[] {
  return rules.filter((rule) => mismatch(rule, claims) === null);
}

/** @returns the first thing in the token that the rule does not allow, or null when it matches */
export function mismatch(rule: TrustRule, claims: IdTokenClaims): string | null {
  const wanted = Object.entries(rule.claims);
  // Of no conditions all hold: such a rule would let everyone in.
  if (wanted.length === 0) return "the rule names no claim";
  for (const [claim, patterns] of wanted) {
    const values = valuesOf(claims, claim);
    if (patterns.some((pattern) => values.some((value) => matches(pattern, value)))) continue;
    return values.length === 0 ? `no "${claim}"` : `"${claim}" is ${shown(values.join(", "))}`;
  }
  const event = givesMoreThanPull(rule) ? unnamedEvent(rule, claims) : undefined;
  if (event === undefined) return null;
  return `the event ${shown(event)} may run outsiders' code, and the rule does not name it`;
}

/** What says most of a token, so that few rules have the same; any other claim that is pinned to one value comes after. */
const SELECTIVE = ["repository_id", "project_id", "repository_owner_id", "namespace_id", "sub"];
/** No issuer says so much; what is beyond selects nothing. */
const MAX_SELECTORS = 500;

/**
 * What a rule is looked up by among those of its issuer: a claim with the one value that it must have, or "" where the rule
 * pins none. So a login costs what its own rules cost, however many others the issuer has.
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
  // Those that pin nothing come last: however many there are, they keep nobody's own from being looked at.
  return [...all.slice(0, MAX_SELECTORS), ""];
}

/** Text of others in a sentence for the log: quoted, on one line, of bounded length. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** What a claim is compared as; an array is as good as any of its elements, and an object says nothing. */
function valuesOf(claims: IdTokenClaims, claim: string): string[] {
  return [claims[claim]].flat().flatMap((value) => {
    // Larger ones were rounded by JSON.parse: two different ids would read the same.
    if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) return [];
    const comparable = ["string", "number", "boolean"].includes(typeof value);
    return comparable ? [String(value)] : [];
  });
}

function givesMoreThanPull(rule: TrustRule): boolean {
  return rule.scopes.some(({ actions }) => actions.some((action) => action !== "pull"));
}

/** The event of the token that outsiders can cause, unless the rule names it itself: a glob allows no event by accident. */
function unnamedEvent(rule: TrustRule, claims: IdTokenClaims): string | undefined {
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

function namedEvents(rule: TrustRule): string[] {
  const literals = (claim: string): string[] =>
    (rule.claims[claim] ?? []).filter((pattern) => !pattern.includes("*"));
  const events = Object.keys(WRITERS_EVENTS).flatMap(literals);
  const subject = literals("sub").some((sub) => sub.endsWith(PULL_REQUEST_SUBJECT));
  return subject ? [...events, "pull_request"] : events;
}

/** Who runs a deployment for development says so; nothing else is to speak http, or to the machine itself. */
export interface Caution {
  readonly insecure: boolean;
}

const MAX_CLAIMS = 20;
const MAX_PATTERNS = 20;
const MAX_TEXT = 256;
/** Of all claims together, as JSON: each login looks through those of many rules. */
const MAX_CLAIMS_BYTES = 4 * 1024;
const MIN_LIFETIME = 60;
export const MAX_LIFETIME = 3600;

/** They are the same in all of an issuer's tokens, or in none: a rule has to say whose token it is. */
const SAYS_NOT_WHOSE = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/**
 * Forges that everyone has an account at. There a name is whose it is today: after a rename or a deletion somebody else can
 * take it, while an id is never given again (reference/registries.md § 3.1).
 */
const FORGES = [
  {
    // github.com, an enterprise's own path of it, GHE.com, and GitHub Enterprise Server.
    issues: ({ hostname, pathname }: URL): boolean =>
      hostname === "token.actions.githubusercontent.com" ||
      (hostname.startsWith("token.actions.") && hostname.endsWith(".ghe.com")) ||
      pathname.replace(/\/$/, "").endsWith("/_services/token"),
    ids: ["repository_id", "repository_owner_id"],
    audience: "https://github.com/*",
  },
  {
    issues: ({ hostname }: URL): boolean => hostname === "gitlab.com",
    ids: ["project_id", "namespace_id"],
    audience: "https://gitlab.com",
  },
];

/** @returns what is wrong with the rule, as a sentence for who made it, or null */
export function checkRule(rule: Omit<TrustRule, "id">, options: Caution): string | null {
  return (
    issuerProblem(rule.issuer, options) ??
    audienceProblem(rule) ??
    claimsProblem(rule.claims) ??
    idProblem(rule) ??
    lifetimeProblem(rule.lifetime)
  );
}

/** @returns what is wrong with an address that the registry would fetch for a rule, or null */
export function urlProblem(text: string, { insecure }: Caution): string | null {
  const url = URL.parse(text);
  if (url === null) return "is no URL";
  if (url.protocol !== "https:" && !(insecure && url.protocol === "http:")) {
    return "does not begin with https://";
  }
  if (url.username !== "" || url.password !== "") return "holds credentials";
  const host = url.hostname.replace(/\.$/, "");
  if (insecure && isLoopback(host)) return null;
  const ip = /^(\[.*\]|[\d.]+)$/.test(host);
  const local =
    /(^|\.)(localhost|local|internal)$/.test(host) || (!insecure && !host.includes("."));
  return ip || local ? "names a host that is not public" : null;
}

function isLoopback(host: string): boolean {
  return /^(127\.[\d.]+|\[::1\]|(.+\.)?localhost)$/.test(host);
}

function issuerProblem(issuer: string, options: Caution): string | null {
  if (issuer.length > MAX_TEXT) return `The issuer is longer than ${MAX_TEXT} characters.`;
  const problem = urlProblem(issuer, options);
  if (problem !== null) return `The issuer ${problem}.`;
  if (/[?#]/.test(issuer)) return "The issuer has a query or a fragment.";
  // It is compared with `iss` letter by letter, and what URL() reads into it must be what is fetched.
  const { href } = new URL(issuer);
  if (issuer !== href && `${issuer}/` !== href)
    return `The issuer is to be written ${shown(href)}.`;
  return null;
}

function audienceProblem({ issuer, audience }: Omit<TrustRule, "id">): string | null {
  if (audience.trim() === "") return "The audience is empty.";
  if (audience.includes("*")) return "The audience is compared as it is: it cannot hold a *.";
  if (audience.length > MAX_TEXT) return `The audience is longer than ${MAX_TEXT} characters.`;
  const usual = forgeOf(issuer)?.audience;
  // Whoever is sent such a token could hand it on to this registry.
  return usual !== undefined && matches(usual, audience)
    ? "The audience is the one that the issuer's tokens for everybody have: use the registry's own URL, and ask the issuer for tokens with that."
    : null;
}

function forgeOf(issuer: string): (typeof FORGES)[number] | undefined {
  return FORGES.find(({ issues }) => issues(new URL(issuer)));
}

function claimsProblem(claims: TrustRule["claims"]): string | null {
  const entries = Object.entries(claims);
  if (entries.every(([claim]) => SAYS_NOT_WHOSE.includes(claim))) {
    return "The rule names no claim that says whose token it is.";
  }
  if (entries.length > MAX_CLAIMS) return `The rule has more than ${MAX_CLAIMS} claims.`;
  for (const [claim, patterns] of entries) {
    const name = shown(claim);
    if (claim === "" || claim.length > MAX_TEXT) return `The claim ${name} is no name of a claim.`;
    if (patterns.length === 0 || patterns.length > MAX_PATTERNS) {
      return `The claim ${name} has not 1 to ${MAX_PATTERNS} patterns.`;
    }
    if (patterns.some((pattern) => pattern.length > MAX_TEXT)) {
      return `The claim ${name} has a pattern of more than ${MAX_TEXT} characters.`;
    }
    if (patterns.some((pattern) => /^\*+$/.test(pattern))) {
      return `The claim ${name} has the pattern *, which says nothing.`;
    }
  }
  const { length } = new TextEncoder().encode(JSON.stringify(claims));
  return length > MAX_CLAIMS_BYTES
    ? `The claims are more than ${MAX_CLAIMS_BYTES} bytes of JSON.`
    : null;
}

function idProblem({ issuer, claims }: Omit<TrustRule, "id">): string | null {
  const forge = forgeOf(issuer);
  if (forge === undefined) return null;
  const pinned = forge.ids.filter((id) => Object.hasOwn(claims, id));
  if (pinned.length === 0) {
    return `The rule names neither ${forge.ids.join(" nor ")}: a name alone can be taken over by others.`;
  }
  const loose = pinned.find((id) => claims[id]?.some((pattern) => !/^\d+$/.test(pattern)));
  return loose === undefined ? null : `The claim "${loose}" takes numbers only, without a *.`;
}

function lifetimeProblem(lifetime: number): string | null {
  const fits = Number.isInteger(lifetime) && lifetime >= MIN_LIFETIME && lifetime <= MAX_LIFETIME;
  return fits ? null : `The lifetime is not ${MIN_LIFETIME} to ${MAX_LIFETIME} seconds.`;
}
