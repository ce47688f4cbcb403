/** JSON Web Tokens (RFC 7519) that this registry signs and checks itself. */
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";

const ALGORITHM = "HS256";

/** The keys that tokens are signed and checked with. */
export interface Signing {
  readonly key: string;
  /** A second key, for rotation: it signs as soon as it is set, while tokens of the first key stay valid. */
  readonly nextKey: string | null;
  /** The registry's host, the only one for which a token is valid. */
  readonly service: string;
}

export interface Signed {
  readonly token: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** Why a token is not valid. "foreign": it names no key of ours; "invalid": it names one, but another party made it. */
export type Invalidity = "expired" | "invalid" | "foreign";

export interface Header {
  readonly typ: string;
  readonly sub: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** Signs claims, with the second key if there is one. */
export async function sign(
  claims: JWTPayload,
  { typ, sub, expires }: Header,
  { key, nextKey, service }: Signing,
): Promise<Signed> {
  const signingKey = await importKey(nextKey ?? key);
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ, kid: signingKey.kid })
    .setIssuer(service)
    .setAudience(service)
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(expires)
    .setJti(crypto.randomUUID())
    .sign(signingKey.key);
  return { token, expires };
}

/** Returns the claims of a token of this type that one of the keys signed for this registry; else why it is invalid. */
export async function verify(
  token: string,
  { typ, grace }: { readonly typ: string; readonly grace: number },
  { key, nextKey, service }: Signing,
): Promise<JWTPayload | Invalidity> {
  const named = await keyNamedBy(token, [key, nextKey ?? key]);
  if (named === undefined) return "foreign";
  try {
    const options = { algorithms: [ALGORITHM], issuer: service, audience: service, typ };
    const { payload } = await jwtVerify(token, named, { ...options, clockTolerance: grace });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) return "expired";
    if (error instanceof errors.JOSEError || error instanceof TypeError) return "invalid";
    throw error;
  }
}

/** Finds the key that the token names in its header; undefined if it is no token or the key is not ours. */
async function keyNamedBy(token: string, ours: readonly string[]): Promise<CryptoKey | undefined> {
  try {
    const { kid } = decodeProtectedHeader(token);
    const keys = await Promise.all(ours.map(importKey));
    return keys.find((candidate) => candidate.kid === kid)?.key;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

interface ImportedKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

const imported = new Map<string, ImportedKey>();

/** Imports each key once per isolate, not once per request. The key's id is a hash, which does not reveal the key. */
async function importKey(text: string): Promise<ImportedKey> {
  const known = imported.get(text);
  if (known !== undefined) return known;
  const bytes = new TextEncoder().encode(text);
  const id = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`kid:${text}`));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const made = {
    kid: new Uint8Array(id, 0, 8).toHex(),
    key: await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]),
  };
  imported.set(text, made);
  return made;
}
