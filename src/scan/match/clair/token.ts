/** Clair's authentication: each side signs JWTs (RFC 7519) with the key that both have, `auth.psk` of its configuration. */
import { errors, jwtVerify, SignJWT } from "jose";

const ALGORITHM = "HS256";
/** Clair's notifier signs with this issuer. */
const NOTIFIER = "clair-notifier";
/** A token is for one request, which may be an hour's indexing only after it was checked. */
const LIFETIME_SECONDS = 300;
/** Clair takes clocks that differ by a minute. */
const TOLERANCE_SECONDS = 60;
const MAX_TOKEN_LENGTH = 4_096;
/** RFC 7518 § 3.2: a key of at least the hash's size. */
const MIN_KEY_BYTES = 32;

/** Decodes `auth.psk.key`, which is base64 (RFC 4648 § 4); null if it is none, or a key of less than 32 bytes. */
export function parseClairKey(text: string): Uint8Array | null {
  try {
    const key = Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
    return key.length < MIN_KEY_BYTES ? null : key;
  } catch {
    return null;
  }
}

/** @param issuer one of `auth.psk.iss` */
export function signForClair(key: Uint8Array, issuer: string): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .setIssuer(issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + LIFETIME_SECONDS)
    .sign(key);
}

/**
 * Tells whether a webhook is of Clair's notifier.
 * @param authorization the request's header; null if it has none
 */
export async function isOfNotifier(
  authorization: string | null,
  key: Uint8Array,
  now = new Date(),
): Promise<boolean> {
  const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization ?? "") ?? [];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) return false;
  try {
    await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      issuer: NOTIFIER,
      requiredClaims: ["iat", "exp"],
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: now,
    });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return false;
    throw error;
  }
}
