import * as v from "valibot";
import { type Actor, isAdministrator, type Scope, scopeGrants } from "../../auth/access.ts";
import { newSecret } from "../../auth/secret.ts";
import { RegistryError } from "../../oci/errors.ts";
import type { NewToken, Token, UserToken } from "../../registry/registry.ts";
import type { Context } from "../context.ts";
import { description, readJson, scopes } from "./input.ts";
import { listing, pageOf } from "./listing.ts";
import { noContent, requireCreated, timestamp } from "./resource.ts";

const DAY = 86_400_000;
const DEFAULT_DAYS = 90;
const MAX_DAYS = 3650;
const EVERYTHING: readonly Scope[] = [{ repositories: "*", actions: ["admin"] }];

/** null: until it is deleted. */
export const expiresInDays = v.optional(
  v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DAYS))),
);

const NewUserToken = v.strictObject({
  description: v.pipe(description, v.nonEmpty("say what the token is for")),
  scopes: v.optional(scopes),
  expiresInDays,
});

/** The caller's own. */
export async function list({ url, actor, registry }: Context): Promise<Response> {
  const page = pageOf(url.searchParams);
  const tokens = await registry.tokens.list(requireUser(actor), page);
  return listing(url, page, tokens.map(userView), ({ id }) => id);
}

export async function create({ request, actor, origin, registry }: Context): Promise<Response> {
  const user = requireUser(actor);
  const given = await readJson(request, NewUserToken);
  const limits = given.scopes ?? EVERYTHING;
  const { secret, token } = await mint(given.description, expiry(given.expiresInDays, actor));
  const made = { ...token, scopes: limits };
  requireCreated(await registry.tokens.create(user, made, origin), "a token of this id");
  // Without a Location, which would name what was made (RFC 9110 § 15.3.2): a token is not read by a path of its own.
  return Response.json({ ...userView(made), secret }, { status: 201 });
}

/** One's own, or any user's for an administrator. A limited token deletes nothing but itself. */
export async function remove(context: Context<"token">): Promise<Response> {
  const { params, actor, origin, registry } = context;
  const { token } = params;
  // A registry token rests on the one that it was made with, and is not that token.
  const itself = actor.token === null && actor.by.includes(`token:${token}`);
  const user = itself && actor.via === "token" ? actor.name : requireUser(actor);
  await registry.tokens.remove(token, isAdministrator(actor) ? null : user, origin);
  return noContent();
}

/** A new secret, and what is kept of it. */
export async function mint(
  purpose: string,
  expiresAt: number | null,
): Promise<{ readonly secret: string; readonly token: NewToken }> {
  const { secret, hash } = await newSecret();
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const token = { id, hash, description: purpose, expiresAt, lastUsed: null };
  return { secret, token: { ...token, createdAt: Date.now() } };
}

/**
 * When a secret ends that was asked for so many days: undefined for as long as usual, null for never. What a token makes
 * does not outlive it.
 * @throws DENIED
 */
export function expiry(days: number | null | undefined, { expires }: Actor): number | null {
  const asked = days === null ? null : Date.now() + (days ?? DEFAULT_DAYS) * DAY;
  if (expires === null) return asked;
  const latest = expires * 1000;
  if (asked !== null && asked <= latest) return asked;
  if (days === undefined) return latest;
  throw new RegistryError("DENIED", {
    message: `these credentials end on ${timestamp(latest)}, and what they make must not outlive them: ask for fewer days, or log in with the password`,
  });
}

/** @returns the user's name @throws DENIED for whoever else, and for credentials that are limited */
function requireUser({ name, via, token, limits }: Actor): string {
  const unlimited =
    via === "password" || (via === "token" && limits !== null && ownsEverything(limits));
  if (name !== null && token === null && unlimited) return name;
  throw new RegistryError("DENIED", {
    message:
      "tokens are listed, made and deleted by users, with their password or a token that is not limited",
  });
}

function ownsEverything(limits: NonNullable<Actor["limits"]>): boolean {
  const [everything] = scopeGrants(EVERYTHING);
  return limits.some(
    ({ pattern, rights }) =>
      pattern === everything?.pattern && everything.rights.every((right) => rights.includes(right)),
  );
}

export function tokenView({ id, description: purpose, expiresAt, lastUsed, createdAt }: Token) {
  return {
    id,
    description: purpose,
    expiresAt: expiresAt === null ? null : timestamp(expiresAt),
    lastUsed: lastUsed === null ? null : timestamp(lastUsed * DAY).slice(0, 10),
    createdAt: timestamp(createdAt),
  };
}

function userView(token: UserToken) {
  return { ...tokenView(token), scopes: token.scopes };
}
