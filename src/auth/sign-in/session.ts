import { RegistryError } from "../../oci/errors.ts";
import { type Actor, withPublic } from "../policy/access.ts";
import { type AuthContext, type AuthTarget, challenge } from "../context.ts";
import { isOutdated } from "../login/admin.ts";
import { namesIn, userActor } from "../login/login.ts";
import { hasSessionForm, secretHash } from "../login/secret.ts";
import type { SessionRecord } from "../identity-store.ts";
import { NO_COOKIE } from "./cookie.ts";
import type { CookieUse } from "./origin.ts";

/** How long a session lasts without use, and at most, in milliseconds. */
export const IDLE_MS = 12 * 3_600_000;
export const LONGEST_MS = 14 * 86_400_000;
/** How old the last use may be that is stored, in milliseconds: a write for each request would be too many. */
const SEEN_EVERY_MS = 5 * 60_000;

/** Returns when a session ends if it is not used again, in milliseconds since 1970. */
export function endOfSession({
  seenAt,
  expiresAt,
}: Pick<SessionRecord, "seenAt" | "expiresAt">): number {
  return Math.min(expiresAt, seenAt + IDLE_MS);
}

/** The subject of a session, for the audit log. */
export function sessionSubject(id: string): string {
  return `session:${id}`;
}

/** Returns the id of the session that the request is authenticated by; null for other credentials. */
export function sessionOf({ via, subject }: Actor): string | null {
  return via === "session" ? (subject?.slice(sessionSubject("").length) ?? null) : null;
}

/**
 * Finds whose session it is, by one query each time: what ends a session ends it at once.
 * @throws SESSION_ENDED. Only a route that says so has the browser drop the cookie: an answer that arrives late would drop
 * that of a sign-in since.
 */
export async function bySession(
  secret: string,
  auth: AuthContext,
  target: AuthTarget,
  use: CookieUse,
): Promise<Actor> {
  const ended = () => {
    const { headers } = challenge(auth, { scope: target.scope });
    const dropped = use === "authenticates or is dropped" ? { "set-cookie": NO_COOKIE } : {};
    return new RegistryError("SESSION_ENDED", { headers: { ...headers, ...dropped } });
  };
  // A secret that is not ours needs no query.
  if (!hasSessionForm(secret)) throw ended();
  const hash = await secretHash(secret);
  const query = { ...namesIn(target), name: null, hash: null, session: hash, places: null };
  const record = await auth.identities.find(query, null);
  const { session, user } = record;
  const now = Date.now();
  if (session === null || endOfSession(session) <= now) throw ended();
  if (user === null || user.disabled) throw ended();
  const owner = userActor(record, user.admin);
  const actor: Actor = {
    ...owner,
    via: "session",
    subject: sessionSubject(session.id),
    dependsOn: [...owner.dependsOn, ...(session.mark === null ? [] : [session.mark])],
  };
  if (await isOutdated(actor, auth)) throw ended();
  const before = now - SEEN_EVERY_MS;
  if (session.seenAt <= before) auth.defer(auth.identities.seen(hash, now, before));
  return withPublic(actor, auth.publicPull ? ["*"] : record.public);
}
