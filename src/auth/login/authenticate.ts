import { type Actor, anonymous, PUBLIC_PULL, withPublic } from "../policy/access.ts";
import { isOutdated } from "./admin.ts";
import { challenge, type Credentials, type AuthTarget, type AuthContext } from "../context.ts";
import { login } from "./login.ts";
import { LoginFailed } from "./login-failed.ts";
import { refresh, unrevoked } from "./revocation.ts";
import { isSecret } from "./secret.ts";
import { isCredential, verifyToken } from "./token.ts";
import { WORKLOAD } from "../oidc/workload.ts";

/** The checks of a registry token beyond its signature. */
export interface TokenRequirements {
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
  auth: AuthContext,
  target: AuthTarget,
  requirements: TokenRequirements,
): Promise<Actor> {
  if (header === null) {
    // The pull cache is used only while the isolate knows the revocations, so an anonymous pull refreshes those.
    if (auth.publicPull && requirements.revocation === "recent") refresh(auth);
    return anonymous(auth.publicPull);
  }
  const [scheme, value = ""] = header.trim().split(/\s+/, 2);
  // Credentials never take away what the public may do.
  const everyone = auth.publicPull ? ["*"] : [];
  switch (scheme?.toLowerCase() ?? "") {
    case "bearer": {
      return withPublic(await bearer(value, auth, target, requirements), everyone);
    }
    case "basic": {
      const credentials = parseBasic(value);
      if (credentials !== null) {
        return withPublic(await login(credentials, auth, target), everyone);
      }
      throw challenge(auth, { scope: target.scope, message: "malformed Basic credentials" });
    }
    default:
      throw challenge(auth, { scope: target.scope, message: "send a Bearer token" });
  }
}

/** Accepts a registry token, or a secret or credential that came without its user name. */
async function bearer(
  value: string,
  auth: AuthContext,
  target: AuthTarget,
  { revocation, expired }: TokenRequirements,
): Promise<Actor> {
  if (isCredential(value)) return login({ username: WORKLOAD, password: value }, auth, target);
  if (isSecret(value)) return login({ username: "", password: value }, auth, target);
  const grace = expired === "allowed" ? auth.graceSeconds : 0;
  const actor = await verifyToken(value, auth.signing, grace);
  const refusal = () => challenge(auth, { scope: target.scope, error: "invalid_token" });
  if (actor === "expired") throw refusal();
  if (actor === "invalid" || actor === "foreign") {
    const tried = actor === "foreign" ? null : "secret";
    throw new LoginFailed(refusal(), { user: null, reason: "a token that is not ours", tried });
  }
  if (isOver(actor, auth) || (await isOutdated(actor, auth))) throw refusal();
  const left = revocation === "none" ? actor : await unrevoked(actor, auth, revocation);
  if (left === null) throw refusal();
  return left;
}

/** Returns whether the actor depends on PUBLIC_PULL, which is off by now. */
function isOver({ dependsOn }: Actor, { publicPull }: AuthContext): boolean {
  return !publicPull && dependsOn.includes(PUBLIC_PULL);
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
