/**
 * ID tokens of other parties' issuers (OpenID Connect Core § 3.1.3.7). Keys come from the issuer alone: discovery, then its
 * key set, each over https, bounded, without redirects. What was fetched is kept per isolate. Only finished values are: a
 * request that awaits what another one fetches is cancelled as hung on workerd.
 */
import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  jwtVerify,
  type RemoteJWKSet,
} from "jose";
import * as v from "valibot";
import {
  type Caution,
  type IdTokenClaims,
  matchRules,
  mismatch,
  selectorsFor,
  shown,
  type TrustRule,
  urlProblem,
} from "./trust.ts";

export type { IdTokenClaims } from "./trust.ts";

export type Verification =
  | {
      readonly ok: true;
      readonly rules: TrustRule[];
      readonly claims: IdTokenClaims;
      /** Epoch seconds, later than now. */
      readonly expires: number;
    }
  | {
      readonly ok: false;
      /** For the log. */
      readonly reason: string;
      /** For whoever sent the token: what the rules ask for is nobody's business. */
      readonly message: string;
    };

/** Asymmetric ones that every forge has one of. The token's own header has no say in it (RFC 8725 § 3.1). */
const ALGORITHMS = ["RS256", "ES256"];
const MAX_TOKEN_LENGTH = 16 * 1024;
/** How far an issuer's clock may be ahead of ours. */
const TOLERANCE_SECONDS = 30;
/** An ID token is for one job; who issues them for longer has put a password in a token's clothes. */
const MAX_AGE_SECONDS = 24 * 3600;

const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 256 * 1024;
const CACHE_MS = 3_600_000;
const MAX_ISSUERS = 50;
/** Some servers answer 403 to clients without a name. */
const HEADERS = { accept: "application/json", "user-agent": "slipway" };

const Registered = v.looseObject({
  iss: v.string(),
  sub: v.pipe(v.string(), v.minLength(1)),
  aud: v.optional(v.union([v.string(), v.array(v.string())])),
  iat: v.number(),
  exp: v.number(),
});
type Registered = v.InferOutput<typeof Registered>;

const Discovery = v.object({ issuer: v.string(), jwks_uri: v.string() });

/**
 * The issuer that an unverified token claims, and what the rules for it can be looked up by, or null when it is no JWT.
 * Nothing is trusted by this: it only chooses which rules are looked at.
 */
export function lookupOf(
  token: string,
): { readonly issuer: string; readonly selectors: string[] } | null {
  if (token.length > MAX_TOKEN_LENGTH) return null;
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
 * Only an issuer that a rule names is ever asked for its keys.
 * @param rules those of the token's issuer
 * @returns the rules that the verified token satisfies, or why it was refused: for the log, never with the token in it
 */
export async function verifyIdToken(
  token: string,
  rules: readonly TrustRule[],
  options: Caution & { readonly now?: Date },
): Promise<Verification> {
  const issuer = lookupOf(token)?.issuer;
  if (issuer === undefined)
    return refuse("this is no ID token of at most 16 KiB that names its issuer");
  const candidates = rules.filter((rule) => rule.issuer === issuer);
  if (candidates.length === 0) return refuse("no trust rule for this issuer");
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
    return judge(payload, candidates, now);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    return refuse(reason);
  }
}

function refuse(reason: string, message = reason): Verification {
  return { ok: false, reason, message };
}

/** What is left to decide once the signature is known to be the issuer's. */
function judge(claims: IdTokenClaims, rules: readonly TrustRule[], now: Date): Verification {
  if (!v.is(Registered, claims)) return refuse('the token\'s "sub" or "aud" is malformed');
  const late = timeProblem(claims, now);
  if (late !== null) return refuse(late);
  const audiences = [claims.aud ?? []].flat();
  const meant = rules.filter(({ audience }) => audiences.includes(audience));
  if (meant.length === 0) {
    const wanted = [...new Set(rules.map(({ audience }) => audience))];
    const given = audiences.length === 0 ? "nobody" : shown(audiences.join(" "));
    return refuse(
      `wrong audience: the token is for ${given}; the rules want ${shown(wanted.join(" "))}`,
    );
  }
  const matching = matchRules(meant, claims);
  if (matching.length === 0) {
    const message = `no trust rule accepts the ID token of ${shown(claims.sub)}; the registry's audit log says why`;
    return refuse(`no trust rule matches: ${mismatches(meant, claims)}`, message);
  }
  return { ok: true, rules: matching, claims, expires: Math.floor(claims.exp) };
}

/** jose compares with its tolerance, and `iat` not at all. A token that has expired is never taken, so `exp` has none. */
function timeProblem({ iat, exp }: Registered, now: Date): string | null {
  const seconds = now.getTime() / 1000;
  if (exp <= seconds) return "the token has expired";
  if (iat > seconds + TOLERANCE_SECONDS) return "the token was issued in the future";
  return exp - iat > MAX_AGE_SECONDS ? "the token is valid for more than 24 hours" : null;
}

/** A few are enough to see what to mend. */
function mismatches(rules: readonly TrustRule[], claims: IdTokenClaims): string {
  const reasons = rules.slice(0, 3).map((rule) => `${rule.id}: ${mismatch(rule, claims)}`);
  return reasons.join("; ");
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: `the token is not signed with ${ALGORITHMS.join(" or ")}`,
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "the token's signature is not by the issuer's key",
  ERR_JWKS_NO_MATCHING_KEY: "the issuer has no key of the token's kid and algorithm",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "the token does not say which of the issuer's keys is its",
  ERR_JWKS_INVALID: "the issuer's keys could not be fetched: they are no key set",
  ERR_JWT_EXPIRED: "the token has expired",
};

/** @returns null for what is neither the token's nor the issuer's fault */
function reasonOf(error: unknown): string | null {
  if (error instanceof KeysUnavailable) return error.message;
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    return reason === "missing" ? `the token has no "${claim}"` : `the token's "${claim}" is wrong`;
  }
  if (error instanceof errors.JOSEError) return REASONS[error.code] ?? "the token is malformed";
  // So jose and WebCrypto refuse the issuer's key itself, such as RSA of less than 2048 bits.
  if (error instanceof TypeError || error instanceof DOMException) {
    return "the issuer's key for the token cannot be used";
  }
  return null;
}

/** The issuer's server failed, or answered what is not to be trusted. */
class KeysUnavailable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`the issuer's keys could not be fetched: ${why}`, options);
  }
}

const known = new Map<string, { readonly keys: RemoteJWKSet; readonly until: number }>();

/** jose fetches anew for a kid that it has not seen, but not within 30 s of the last time. */
async function keysOf(issuer: string, options: Caution): Promise<RemoteJWKSet> {
  const cached = known.get(issuer);
  if (cached !== undefined && Date.now() < cached.until) return cached.keys;
  const keys = await fetchKeys(issuer, options);
  known.delete(issuer);
  known.set(issuer, { keys, until: Date.now() + CACHE_MS });
  const [oldest] = known.keys();
  if (known.size > MAX_ISSUERS && oldest !== undefined) known.delete(oldest);
  return keys;
}

async function fetchKeys(issuer: string, options: Caution): Promise<RemoteJWKSet> {
  const configuration = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const url = checkedUrl(configuration, options).href;
  const found = await fetchJson(url, { headers: HEADERS, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!v.is(Discovery, found))
    throw new KeysUnavailable("its configuration lacks issuer or jwks_uri");
  // Else one issuer could speak for another (OpenID Connect Discovery § 4.3).
  if (found.issuer !== issuer) {
    throw new KeysUnavailable(`its configuration is that of ${shown(found.issuer)}`);
  }
  const keys = createRemoteJWKSet(checkedUrl(found.jwks_uri, options), {
    cacheMaxAge: CACHE_MS,
    timeoutDuration: TIMEOUT_MS,
    headers: HEADERS,
    [customFetch]: async (address, init) => Response.json(await fetchJson(address, init)),
  });
  // Before the set is kept: what failed is to be asked for again, discovery included.
  await keys.reload();
  return keys;
}

function checkedUrl(text: string, options: Caution): URL {
  const problem = urlProblem(text, options);
  if (problem !== null) throw new KeysUnavailable(`${shown(text)} ${problem}`);
  return new URL(text);
}

interface Fetching {
  readonly headers: HeadersInit;
  readonly signal: AbortSignal;
}

/** A redirect is not followed: only the address that was checked is spoken to. */
async function fetchJson(url: string, { headers, signal }: Fetching): Promise<unknown> {
  try {
    const response = await fetch(url, { headers, signal, redirect: "manual" });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new KeysUnavailable(`${shown(url)} answered ${response.status}`);
    }
    return JSON.parse(await boundedText(response.body, signal));
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error;
    const why =
      error instanceof SyntaxError
        ? "answered no JSON"
        : signal.aborted
          ? `took more than ${TIMEOUT_MS / 1000} s`
          : "could not be reached";
    throw new KeysUnavailable(`${shown(url)} ${why}`, { cause: error });
  }
}

async function boundedText(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  const reader = body.getReader();
  // workerd looks at a pipe's signal only when bytes come. A canceled reader is done at once.
  signal.addEventListener("abort", () => void reader.cancel(signal.reason).catch(() => {}));
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader.cancel();
      throw new KeysUnavailable("the answer is longer than 256 KiB");
    }
    text += decoder.decode(value, { stream: true });
  }
}
