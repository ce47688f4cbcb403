/**
 * Rules for what limited or expiring credentials create. Limits need no rule here: a handler creates things only where
 * the caller has rights. Lifetimes do: a secret ends with the credentials that created it, and things that cannot end
 * (a role, a user, a rule …) need credentials that do not end (docs/access.md, the table).
 */
import type { Actor } from "../auth/policy/access.ts";
import { endOf } from "../auth/login/lifetime.ts";
import { RegistryError } from "../oci/errors.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

const DAY = 86_400_000;
const DEFAULT_DAYS = 90;

/**
 * @param what the thing to create, as the subject of a sentence
 * @throws DENIED when the caller's credentials end
 */
export function requireLasting({ expires }: Actor, what: string): void {
  if (expires === null) return;
  throw outlasting(
    `${what} does not end by itself, but these credentials end on ${timestamp(expires * 1000)}: send the user's password with this request, or use a token that does not end`,
  );
}

/** A wanted expiry of a secret, in days from now: undefined for the default, null for never. */
export interface Wanted {
  readonly days: number | null | undefined;
  /** The longest lifetime of such secrets, in milliseconds; null for no limit. */
  readonly longest: number | null;
}

/**
 * Returns when a new secret ends, in milliseconds since 1970; null for never.
 * @throws FIELD_INVALID beyond the longest lifetime, DENIED beyond the end of the caller's credentials
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
 * Returns when an existing secret is to end, in milliseconds since 1970; null for never. Credentials that end may still
 * shorten its lifetime.
 * @throws CONFLICT when it has ended: its holder may rely on that
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

/** @throws FIELD_INVALID for an end after the latest */
function requireWithinLife(asked: number | null, latest: number | null): void {
  if (latest === null || isBy(asked, latest)) return;
  throw invalid(
    "expiresInDays",
    `the secret must end by ${timestamp(latest)}: this registry limits how long one holds, from when it was made`,
  );
}

function beyond(end: number): RegistryError {
  return outlasting(
    `the secret would end after these credentials, which end on ${timestamp(end)}: ask for fewer days, or send the user's password with this request`,
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
