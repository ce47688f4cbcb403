import type { Actor } from "../auth/policy/access.ts";
import { ADMIN, adminMark } from "../auth/login/admin.ts";
import { newSessionSecret, secretHash } from "../auth/login/secret.ts";
import { cookieOf, keepsCookie, NO_COOKIE, secretIn } from "../auth/sign-in/cookie.ts";
import { byName } from "../auth/sign-in/password.ts";
import { endOfSession, IDLE_MS, LONGEST_MS, sessionOf } from "../auth/sign-in/session.ts";
import { isAdministrator } from "../auth/policy/access.ts";
import type { NewSession, Session as StoredSession } from "../db/sessions.ts";
import type { Context } from "../http/context.ts";
import { RegistryError } from "../oci/errors.ts";
import { timestamp } from "../http/resource.ts";
import { done, page, signedIn } from "./answer.ts";
import { type Endpoint, endpoint, type Requirement } from "./endpoint.ts";
import { PAGE, paged, withNext } from "./query.ts";
import { Session, SignIn } from "./schema/sessions.ts";
import { USER, userOf } from "./tokens.ts";

/** The longest User-Agent that is stored, in characters. */
const MAX_AGENT = 200;

const KEPT: Requirement<Context> = {
  rule: "Over https, or at localhost or 127.0.0.1: elsewhere browsers drop the cookie.",
  check: ({ url }) => {
    if (keepsCookie(url)) return;
    throw new RegistryError("REQUEST_INVALID", {
      message: `sign in over https: a browser drops the cookie of ${url.origin}, which is plain http and neither localhost nor 127.0.0.1`,
    });
  },
};

const create = endpoint(
  "POST /sessions",
  {
    id: "signIn",
    summary:
      "Sign in with a password, for a cookie that authenticates what this origin's pages ask",
    access: "none",
    cookie: "is replaced",
    requires: [KEPT],
    body: SignIn,
    answer: signedIn(Session),
    refuses: ["CONFLICT"],
  },
  async ({ request, body, initiator, auth, registry }) => {
    const { name, grantedAt } = await byName(body.name, body.password, auth);
    const user = { ...initiator, actor: name, via: "password" };
    const { secret, session } = await newSession(name ?? "", { auth, initiator: user });
    const old = secretIn(request.headers);
    const grounds = {
      replaces: old === null ? null : await secretHash(old),
      grantedAt: grantedAt ?? 0,
    };
    if (!(await registry.sessions.begin(session, grounds, user))) {
      throw new RegistryError("CONFLICT", {
        message: "the account was changed in this moment: sign in again",
      });
    }
    return { value: view(session, session.id), cookie: cookieOf(secret) };
  },
);

const list = endpoint(
  "GET /sessions",
  {
    id: "listSessions",
    summary: "List where the caller is signed in",
    access: "login",
    requires: [USER],
    query: PAGE,
    answer: page(Session),
  },
  async ({ query, actor, registry }) => {
    const now = Date.now();
    const since = { seenAfter: now - IDLE_MS, now };
    const sessions = await registry.sessions.list(userOf(actor), since, withNext(query));
    const views = sessions.map((session) => view(session, sessionOf(actor)));
    return paged(query, views, ({ id }) => id);
  },
);

const remove = endpoint(
  "DELETE /sessions/:session",
  {
    id: "endSession",
    summary: "End a session; `current` is the one that the request is sent with",
    access: "login",
    requires: [
      { ...USER, rule: `${USER.rule} Only administrators may end the sessions of others.` },
    ],
    answer: done,
    refuses: ["NOT_FOUND"],
  },
  async ({ params, actor, initiator, registry }) => {
    const own = sessionOf(actor);
    const id = params.session === "current" ? currentOf(actor) : params.session;
    await registry.sessions.end(id, isAdministrator(actor) ? null : actor.name, initiator);
    return { cookie: id === own ? NO_COOKIE : null };
  },
);

export const SESSIONS: readonly Endpoint[] = [create, list, remove];

/** Makes a session, and the secret of its cookie. */
export async function newSession(
  user: string,
  { auth, initiator }: Pick<Context, "auth" | "initiator">,
): Promise<{ readonly secret: string; readonly session: NewSession }> {
  const { secret, hash } = await newSessionSecret();
  const now = Date.now();
  const session = {
    id: crypto.getRandomValues(new Uint8Array(8)).toHex(),
    hash,
    user,
    mark: user === ADMIN ? await adminMark(auth) : null,
    address: auth.address,
    agent: initiator.agent?.slice(0, MAX_AGENT) ?? null,
    createdAt: now,
    seenAt: now,
    expiresAt: now + LONGEST_MS,
  };
  return { secret, session };
}

/** @throws NOT_FOUND unless the request is authenticated by a session */
function currentOf(actor: Actor): string {
  const id = sessionOf(actor);
  if (id !== null) return id;
  throw new RegistryError("NOT_FOUND", { message: "the request was not sent with a session" });
}

function view(session: StoredSession, current: string | null): Session {
  const { id, createdAt, seenAt, address, agent } = session;
  return {
    id,
    createdAt: timestamp(createdAt),
    lastSeenAt: timestamp(seenAt),
    expiresAt: timestamp(endOfSession(session)),
    address,
    agent,
    current: id === current,
  };
}
