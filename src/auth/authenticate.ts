import { RegistryError } from "../oci/errors.ts";
import { type Actor, ADMIN, anonymous } from "./access.ts";
import { verifyToken } from "./token.ts";

/** What authentication needs to know of the deployment. */
export interface Realm {
  /** The registry's host: the service that tokens are for. */
  readonly service: string;
  /** Where tokens are to be had. */
  readonly url: string;
  readonly key: string;
  readonly adminPassword: string;
  readonly publicPull: boolean;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * Who sends this Authorization header? No header is everyone's; a wrong one is refused, not taken for none.
 * Basic is understood but never offered: Docker, offered both, would send no token at all.
 * @param scope what a token for this request has to name
 * @throws UNAUTHORIZED
 */
export async function authenticate(
  header: string | null,
  realm: Realm,
  scope: string | null,
): Promise<Actor> {
  if (header === null) return anonymous(realm.publicPull);
  const [scheme, value = ""] = header.trim().split(/\s+/, 2);
  switch (scheme?.toLowerCase() ?? "") {
    case "bearer": {
      const actor = await verifyToken(value, realm);
      if (actor === null) throw challenge(realm, { scope, error: "invalid_token" });
      // What everyone may do, a token does not take away.
      const everyone = anonymous(realm.publicPull);
      return { ...actor, grants: [...actor.grants, ...everyone.grants] };
    }
    case "basic": {
      const credentials = parseBasic(value);
      const actor = credentials && (await login(credentials, realm));
      if (actor) return actor;
      throw challenge(realm, { scope, message: "wrong user name or password" });
    }
    default:
      throw challenge(realm, { scope, message: "send a Bearer token" });
  }
}

/** @returns null for a wrong name or password */
export async function login(credentials: Credentials, realm: Realm): Promise<Actor | null> {
  // Both are compared, always, and as hashes: neither the time nor a length tells how close a guess was.
  const name = await equal(credentials.username, "admin");
  const password = await equal(credentials.password, realm.adminPassword);
  return name && password ? ADMIN : null;
}

/** @returns null unless the value is base64 of `name:password` */
export function parseBasic(value: string): Credentials | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.fromBase64(value),
    );
    const colon = text.indexOf(":");
    if (colon === -1) return null;
    return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

interface Challenge {
  /** The scope that the request would have needed. */
  readonly scope?: string | null;
  /** Clients fetch a new token only when told what was wrong with theirs (RFC 6750 § 3.1). */
  readonly error?: "invalid_token" | "insufficient_scope";
  readonly message?: string;
}

/** 401 with exactly one challenge. Every value is quoted: the conformance suite's client reads no other form. */
export function challenge(realm: Realm, { scope, error, message }: Challenge): RegistryError {
  const parameters = [`realm="${realm.url}"`, `service="${realm.service}"`];
  if (scope) parameters.push(`scope="${scope}"`);
  if (error !== undefined) parameters.push(`error="${error}"`);
  return new RegistryError("UNAUTHORIZED", {
    ...(message === undefined ? {} : { message }),
    headers: { "www-authenticate": `Bearer ${parameters.join(",")}` },
  });
}

async function equal(given: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([sha256(given), sha256(expected)]);
  return crypto.subtle.timingSafeEqual(a, b);
}

function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
