/**
 * What limited or ending credentials make is limited or ends with them. Their limits hold by themselves: whatever a handler
 * makes lies where the caller has rights. How long it lasts is decided here: a secret ends with the credentials that made it,
 * and what cannot end (a role, a user, a rule …) takes credentials that do not (docs/access.md, the table).
 */
import type { Actor } from "../auth/policy/access.ts";
import { endOf } from "../auth/login/lifetime.ts";
import { RegistryError } from "../oci/errors.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

const DAY = 86_400_000;
const DEFAULT_DAYS = 90;

/**
 * @param what is made, as the subject of a sentence
 * @throws DENIED where the caller's credentials end
 */
export function requireLasting({ expires }: Actor, what: string): void {
  if (expires === null) return;
  throw outlasting(
    `${what} would outlast these credentials, which end on ${timestamp(expires * 1000)}: log in with the password, or use a token that does not end`,
  );
}

/** A secret whose expiry is asked for in days from now: undefined for as long as usual, null for never. */
export interface Wanted {
  readonly days: number | null | undefined;
  /** The longest that such secrets may hold, in milliseconds. */
  readonly longest: number | null;
}

/**
 * When a new secret ends, in milliseconds since 1970; null for never.
 * @throws FIELD_INVALID beyond the longest life, DENIED beyond the end of the caller's credentials
 */
export function expiryOfNew({ days, longest }: Wanted, { expires }: Actor): number | null {
  const now = Date.now();
  const own = expires === null ? null : expires * 1000;
  if (days === undefined) return earliest(now + DEFAULT_DAYS * DAY, plus(now, longest), own);
  const asked = plus(now, days === null ? null : days * DAY);
  requireWithinLife(asked, plus(now, longest));
  if (own === null || isBy(asked, own)) return asked;
  throw beyond(own);
}

/**
 * When a secret ends that is there already. Whoever may change it can always shorten its life.
 * @throws CONFLICT where it has ended: whoever held it may have thought so, too
 */
export function expiryOfOld(
  token: { readonly createdAt: number; readonly expiresAt: number | null },
  { days, longest }: Wanted & { readonly days: number | null },
  { expires }: Actor,
): number | null {
  const now = Date.now();
  const end = endOf(token, longest);
  if (end !== null && end <= now) {
    throw new RegistryError("CONFLICT", { message: "the secret has ended: make a new one" });
  }
  const asked = plus(now, days === null ? null : days * DAY);
  requireWithinLife(asked, plus(token.createdAt, longest));
  const own = expires === null ? null : expires * 1000;
  const isShorter = isBy(asked, end ?? Number.POSITIVE_INFINITY);
  if (own === null || isBy(asked, own) || isShorter) return asked;
  throw beyond(own);
}

/** @throws FIELD_INVALID */
function requireWithinLife(asked: number | null, latest: number | null): void {
  if (latest === null || isBy(asked, latest)) return;
  throw invalid(
    "expiresInDays",
    `the secret must end by ${timestamp(latest)}: this registry limits how long one holds, from when it was made`,
  );
}

function beyond(end: number): RegistryError {
  return outlasting(
    `these credentials end on ${timestamp(end)}, and what they make must not outlive them: ask for fewer days, or log in with the password`,
  );
}

function outlasting(message: string): RegistryError {
  return new RegistryError("DENIED", { message, detail: [{ needs: "password" }] });
}

function isBy(time: number | null, latest: number): boolean {
  return time !== null && time <= latest;
}

function plus(time: number, duration: number | null): number | null {
  return duration === null ? null : time + duration;
}

function earliest(...times: readonly (number | null)[]): number | null {
  const given = times.filter((time) => time !== null);
  return given.length === 0 ? null : Math.min(...given);
}
