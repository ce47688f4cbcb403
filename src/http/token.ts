import { type Actor, anonymous } from "../auth/access.ts";
import {
  challenge,
  type Credentials,
  login,
  parseBasic,
  type Realm,
} from "../auth/authenticate.ts";
import { grantScopes, parseScopes } from "../auth/scope.ts";
import { signToken, TOKEN_SECONDS } from "../auth/token.ts";
import { RegistryError } from "../oci/errors.ts";
import { readLimited } from "./body.ts";
import type { Context } from "./context.ts";

/** Far more than the scopes of any push need. */
const MAX_FORM = 64 * 1024;

/** Docker's token service, by GET: credentials, if any, in a Basic header. Without them there is a token for what everyone may do. */
export async function read({ request, url, realm }: Context): Promise<Response> {
  const header = request.headers.get("authorization");
  const actor = header === null ? anonymous(realm.publicPull) : await basicActor(header, realm);
  return issue(actor, url.searchParams.getAll("scope"), realm);
}

/** The same by POST (OAuth 2), as containerd and BuildKit ask first: credentials in the form. */
export async function write({ request, realm }: Context): Promise<Response> {
  const form = await readForm(request);
  if (form.get("grant_type") !== "password") {
    // Refresh tokens are never given out: a client that held one would drop the password.
    throw challenge(realm, { message: "unsupported grant_type: log in with a password" });
  }
  const credentials = {
    username: form.get("username") ?? "",
    password: form.get("password") ?? "",
  };
  return issue(await actorOf(credentials, realm), form.getAll("scope"), realm);
}

async function issue(actor: Actor, scopes: readonly string[], realm: Realm): Promise<Response> {
  const access = grantScopes(actor, parseScopes(scopes));
  const token = await signToken(actor, access, realm);
  const scope = access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`);
  return Response.json(
    {
      token,
      access_token: token,
      expires_in: TOKEN_SECONDS,
      issued_at: new Date().toISOString(),
      scope: scope.join(" "),
    },
    { headers: { "cache-control": "no-store" } },
  );
}

async function basicActor(header: string, realm: Realm): Promise<Actor> {
  const [scheme, value = ""] = header.trim().split(/\s+/, 2);
  const credentials = scheme?.toLowerCase() === "basic" ? parseBasic(value) : null;
  return actorOf(credentials, realm);
}

/** Wrong credentials are refused: a token for everyone would make a wrong login look right. */
async function actorOf(credentials: Credentials | null, realm: Realm): Promise<Actor> {
  const actor = credentials === null ? null : await login(credentials, realm);
  if (actor !== null) return actor;
  throw challenge(realm, { message: "wrong user name or password" });
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
