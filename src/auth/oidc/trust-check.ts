/** Checks a new trust rule. Its creator vouches for all tokens that satisfy it, so everything too loose is refused. */
import { matches } from "../../oci/glob.ts";
import { type Caution, urlProblem } from "./issuer-url.ts";
import { shown, type TrustRule } from "./trust.ts";

const MAX_CLAIMS = 20;
const MAX_PATTERNS = 20;
const MAX_TEXT = 256;
/** The size of all claims together as JSON, in bytes: each login compares those of many rules. */
const MAX_CLAIMS_BYTES = 4 * 1024;
const MIN_LIFETIME = 60;
export const MAX_LIFETIME = 3600;

/** Claims that are the same in all of an issuer's tokens, or in none. A rule also has to say whose token it is. */
const SAYS_NOT_WHOSE = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/**
 * Forges where everyone can have an account. A name there belongs to its owner of today: after a rename or a deletion
 * somebody else can take it, while an id is never given again. Their issuers end without a slash.
 */
const FORGES = [
  {
    // github.com, an enterprise's own path on it, GHE.com, and GitHub Enterprise Server.
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

/** @returns what is wrong with the rule, as a sentence for its creator, or null */
export function checkRule(rule: Omit<TrustRule, "id">, options: Caution): string | null {
  return (
    issuerProblem(rule.issuer, options) ??
    audienceProblem(rule) ??
    claimsProblem(rule.claims) ??
    idProblem(rule) ??
    lifetimeProblem(rule.lifetime)
  );
}

function issuerProblem(issuer: string, options: Caution): string | null {
  if (issuer.length > MAX_TEXT) return `The issuer is longer than ${MAX_TEXT} characters.`;
  const problem = urlProblem(issuer, options);
  if (problem !== null) return `The issuer ${problem}.`;
  if (/[?#]/.test(issuer)) return "The issuer has a query or a fragment.";
  // The issuer is compared with `iss` letter by letter, so it must be written exactly as URL() normalises it for the
  // fetch.
  const { href } = new URL(issuer);
  const written = forgeOf(href) === undefined ? href : href.replace(/\/$/, "");
  const isWritten = issuer === written || (written === href && `${issuer}/` === href);
  return isWritten ? null : `The issuer is to be written ${shown(written)}.`;
}

function audienceProblem({ issuer, audience }: Omit<TrustRule, "id">): string | null {
  if (audience.trim() === "") return "The audience is empty.";
  if (audience.includes("*")) return "The audience is compared as it is: it cannot hold a *.";
  if (audience.length > MAX_TEXT) return `The audience is longer than ${MAX_TEXT} characters.`;
  const usual = forgeOf(issuer)?.audience;
  // A server that receives such a token could present it to this registry.
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
