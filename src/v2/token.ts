import { type Actor, anonymous } from "../auth/policy/access.ts";
import { parseBasic } from "../auth/login/authenticate.ts";
import { challenge, type Credentials, type AuthTarget, type AuthContext } from "../auth/context.ts";
import { addPublic, login } from "../auth/login/login.ts";
import { asksForCatalog, grantScopes, parseScopes, repositoriesIn } from "../auth/policy/scope.ts";
import { signToken } from "../auth/login/token.ts";
import { RegistryError } from "../oci/errors.ts";
import { readLimited } from "../http/body.ts";
import type { Context } from "../http/context.ts";

/** The largest form in bytes, far more than the scopes of any push need. */
const MAX_FORM = 64 * 1024;

/** Docker's token service by GET: credentials, if any, in a Basic header; else the token has the public's rights. */
export async function read({ request, url, auth }: Context): Promise<Response> {
  const header = request.headers.get("authorization");
  const scopes = url.searchParams.getAll("scope");
  if (header === null) return issue(null, scopes, auth);
  const [scheme, value = ""] = header.trim().split(/\s+/, 2);
  const credentials = scheme?.toLowerCase() === "basic" ? parseBasic(value) : null;
  // A wrong login must fail: an anonymous token would make it look right.
  if (credentials === null) throw challenge(auth, { message: wrongScheme(scheme) });
  return issue(credentials, scopes, auth);
}

function wrongScheme(scheme = ""): string {
  if (scheme.toLowerCase() === "basic") return "malformed Basic credentials";
  return `the token service takes a name and a password or a token's secret as Basic credentials, not ${scheme.slice(0, 20) || "an empty Authorization header"}`;
}

/** The token service by POST (OAuth 2), which containerd and BuildKit try first: credentials in the form. */
export async function write({ request, auth }: Context): Promise<Response> {
  const form = await readForm(request);
  if (form.get("grant_type") !== "password") {
    // No refresh tokens are issued: a client that has one no longer sends its password.
    throw challenge(auth, { message: "unsupported grant_type: log in with a password" });
  }
  const username = form.get("username") ?? "";
  const password = form.get("password") ?? "";
  return issue({ username, password }, form.getAll("scope"), auth);
}

/** @param credentials null for an anonymous token */
async function issue(
  credentials: Credentials | null,
  scopes: readonly string[],
  auth: AuthContext,
): Promise<Response> {
  const asked = parseScopes(scopes);
  const target = {
    repositories: repositoriesIn(asked),
    scope: null,
    // The catalog needs current roles: a cached login would lack a role that was given just now.
    isSufficient: asked.some(asksForCatalog)
      ? null
      : (actor: Actor) => grantScopes(actor, asked).refused.length === 0,
  };
  const actor =
    credentials === null ? await everyone(auth, target) : await login(credentials, auth, target);
  const granted = grantScopes(actor, asked);
  const { token, expires } = await signToken(actor, granted, auth.tokenSeconds, auth.signing);
  const scope = granted.access.map(
    ({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`,
  );
  const now = new Date();
  return Response.json(
    {
      token,
      access_token: token,
      expires_in: expires - Math.floor(now.getTime() / 1000),
      issued_at: now.toISOString(),
      scope: scope.join(" "),
    },
    { headers: { "cache-control": "no-store" } },
  );
}

async function everyone(auth: AuthContext, target: AuthTarget): Promise<Actor> {
  const actor = anonymous(auth.publicPull);
  return auth.publicPull ? actor : addPublic(actor, auth, target);
}

async function readForm(request: Request): Promise<URLSearchParams> {
  const malformed = () =>
    new RegistryError("REQUEST_INVALID", {
      message: `send a form (application/x-www-form-urlencoded) of at most ${MAX_FORM} bytes`,
    });
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") throw malformed();
  const bytes = await readLimited(request, MAX_FORM, malformed);
  return new URLSearchParams(new TextDecoder().decode(bytes));
}
