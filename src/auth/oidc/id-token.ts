/** ID tokens of other parties' issuers (OpenID Connect Core § 3.1.3.7). */
import { decodeJwt, errors, jwtVerify } from "jose";
import * as v from "valibot";
import { keysOf, KeysUnavailable } from "./jwks.ts";
import type { Caution } from "./issuer-url.ts";
import { type IdTokenClaims, selectorsFor, type TrustRule } from "./trust.ts";
import { MAX_PASSWORD } from "./workload.ts";

export type Verification =
  | { readonly ok: true; readonly claims: VerifiedClaims }
  | {
      readonly ok: false;
      /** For the log. */
      readonly reason: string;
      /** For the sender of the token. */
      readonly message: string;
    };

/** The claims of a token whose issuer's signature was verified. */
export type VerifiedClaims = IdTokenClaims & { readonly sub: string };

/** Asymmetric algorithms; every forge uses one of them. The token's own header does not choose (RFC 8725 § 3.1). */
const ALGORITHMS = ["RS256", "ES256"];
/** The most seconds that an issuer's clock may be ahead of ours. */
const TOLERANCE_SECONDS = 30;
/** The longest lifetime of an ID token, in seconds. It is for one job; a longer-lived one is a password in disguise. */
const MAX_AGE_SECONDS = 24 * 3600;

/** The answer until the signature is verified. It hides whether a rule exists: else anyone could ask who may push. */
const UNVERIFIED =
  "no trust rule takes tokens of this issuer with these claims, or the signature could not be verified; the registry's audit log says which, if a rule names the issuer";

const Registered = v.looseObject({
  iss: v.string(),
  sub: v.pipe(v.string(), v.minLength(1)),
  aud: v.optional(v.union([v.string(), v.array(v.string())])),
  iat: v.number(),
  exp: v.number(),
});
type Registered = v.InferOutput<typeof Registered>;

/**
 * Reads the issuer that an unverified token claims, and the selectors of the rules for it; null when it is no JWT.
 * Nothing is trusted by this: it only chooses which rules are compared.
 */
export function lookupOf(
  token: string,
): { readonly issuer: string; readonly selectors: string[] } | null {
  if (token.length > MAX_PASSWORD) return null;
  try {
    const claims = decodeJwt(token) as IdTokenClaims;
    const issuer = claims["iss"];
    return typeof issuer === "string" ? { issuer, selectors: selectorsFor(claims) } : null;
  } catch (error) {
    if (error instanceof errors.JWTInvalid) return null;
    throw error;
  }
}

/**
 * Verifies that the token's issuer signed it and that it is valid now.
 * @param rules an issuer that none of them names is never asked for its keys
 * @returns the claims, or why the token was refused: for the log, so never with the token in it
 */
export async function verifyIdToken(
  token: string,
  rules: readonly Pick<TrustRule, "issuer">[],
  options: Caution & { readonly now?: Date },
): Promise<Verification> {
  const issuer = lookupOf(token)?.issuer;
  if (issuer === undefined)
    return refuse("this is no ID token of at most 16 KiB that names its issuer");
  if (rules.every((rule) => rule.issuer !== issuer)) {
    return refuse("no trust rule for this issuer", UNVERIFIED);
  }
  const now = options.now ?? new Date();
  try {
    const { payload } = await jwtVerify(
      token,
      async (header, jws) => (await keysOf(issuer, options))(header, jws),
      {
        algorithms: ALGORITHMS,
        issuer,
        requiredClaims: ["exp", "iat", "iss", "sub"],
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: now,
      },
    );
    return judge(payload, now);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    // jose checks times and claims only after the signature was correct.
    const isVerified =
      error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
    return refuse(reason, isVerified ? reason : UNVERIFIED);
  }
}

function refuse(reason: string, message = reason): Verification {
  return { ok: false, reason, message };
}

/** Checks what remains once the issuer's signature is verified. */
function judge(claims: IdTokenClaims, now: Date): Verification {
  if (!v.is(Registered, claims)) return refuse('the token\'s "sub" or "aud" is malformed');
  const late = timeProblem(claims, now);
  return late === null ? { ok: true, claims } : refuse(late);
}

/**
 * Checks the times. jose allows its tolerance for `exp` and does not check `iat`. An expired token is never accepted,
 * so `exp` has no tolerance here.
 */
function timeProblem({ iat, exp }: Registered, now: Date): string | null {
  const seconds = now.getTime() / 1000;
  if (exp <= seconds) return "the token has expired";
  if (iat > seconds + TOLERANCE_SECONDS) return "the token was issued in the future";
  return exp - iat > MAX_AGE_SECONDS ? "the token is valid for more than 24 hours" : null;
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: `the token is not signed with ${ALGORITHMS.join(" or ")}`,
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "the token's signature is not by the issuer's key",
  ERR_JWKS_NO_MATCHING_KEY: "the issuer has no key of the token's kid and algorithm",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "the token does not say which of the issuer's keys is its",
  ERR_JWKS_INVALID: "the issuer's keys could not be fetched: they are no key set",
  ERR_JWT_EXPIRED: "the token has expired",
};

/** @returns null for an error that is neither the token's nor the issuer's fault */
function reasonOf(error: unknown): string | null {
  if (error instanceof KeysUnavailable) return error.message;
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    return reason === "missing" ? `the token has no "${claim}"` : `the token's "${claim}" is wrong`;
  }
  if (error instanceof errors.JOSEError) return REASONS[error.code] ?? "the token is malformed";
  // jose and WebCrypto throw these for an issuer's key that they refuse, such as RSA of less than 2048 bits.
  if (error instanceof TypeError || error instanceof DOMException) {
    return "the issuer's key for the token cannot be used";
  }
  return null;
}
