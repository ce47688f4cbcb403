import { type Actor, anonymous, PUBLIC_PULL, withPublic } from "../policy/access.ts";
import { isOutdated } from "./admin.ts";
import { challenge, type Credentials, type Purpose, type Realm } from "../context.ts";
import { login } from "./login.ts";
import { LoginFailed } from "./login-failed.ts";
import { refresh, unrevoked } from "./revocation.ts";
import { isSecret } from "./secret.ts";
import { isCredential, verifyToken } from "./token.ts";
import { WORKLOAD } from "../oidc/workload.ts";

/** The checks of a registry token beyond its signature. */
export interface Demands {
  /** The greatest age of the known revocations: half a minute ("fresh"), or for a pull a minute ("recent"). */
  readonly revocation: "fresh" | "recent" | "none";
  /** Whether an expired token is accepted: only to end the upload that was started with it. */
  readonly expired: "allowed" | "refused";
}

/**
 * Finds who sent this Authorization header. A request without the header is anonymous; a wrong header is refused, not
 * taken for none. Basic is understood but never offered: Docker, offered both, would send no token at all.
 * @throws UNAUTHORIZED, or TOO_MANY_REQUESTS
 */
export async function authenticate(
  header: string | null,
  realm: Realm,
  purpose: Purpose,
  demands: Demands,
): Promise<Actor> {
  if (header === null) {
    // The pull cache is used only while the isolate knows the revocations, so an anonymous pull refreshes those.
    if (realm.publicPull && demands.revocation === "recent") refresh(realm);
    return anonymous(realm.publicPull);
  }
  const [scheme, value = ""] = header.trim().split(/\s+/, 2);
  // Credentials never take away what the public may do.
  const everyone = realm.publicPull ? ["*"] : [];
  switch (scheme?.toLowerCase() ?? "") {
    case "bearer": {
      return withPublic(await bearer(value, realm, purpose, demands), everyone);
    }
    case "basic": {
      const credentials = parseBasic(value);
      if (credentials !== null) {
        return withPublic(await login(credentials, realm, purpose), everyone);
      }
      throw challenge(realm, { scope: purpose.scope, message: "malformed Basic credentials" });
    }
    default:
      throw challenge(realm, { scope: purpose.scope, message: "send a Bearer token" });
  }
}

/** Accepts a registry token, or a secret or credential that came without its user name. */
async function bearer(
  value: string,
  realm: Realm,
  purpose: Purpose,
  { revocation, expired }: Demands,
): Promise<Actor> {
  if (isCredential(value)) return login({ username: WORKLOAD, password: value }, realm, purpose);
  if (isSecret(value)) return login({ username: "", password: value }, realm, purpose);
  const grace = expired === "allowed" ? realm.graceSeconds : 0;
  const actor = await verifyToken(value, realm.signing, grace);
  const refusal = () => challenge(realm, { scope: purpose.scope, error: "invalid_token" });
  if (actor === "expired") throw refusal();
  if (actor === "invalid" || actor === "foreign") {
    const tried = actor === "foreign" ? null : "secret";
    throw new LoginFailed(refusal(), { user: null, reason: "a token that is not ours", tried });
  }
  if (isOver(actor, realm) || (await isOutdated(actor, realm))) throw refusal();
  const left = revocation === "none" ? actor : await unrevoked(actor, realm, revocation);
  if (left === null) throw refusal();
  return left;
}

/** Returns whether the actor depends on PUBLIC_PULL, which is off by now. */
function isOver({ by }: Actor, { publicPull }: Realm): boolean {
  return !publicPull && by.includes(PUBLIC_PULL);
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
