import * as v from "valibot";
import { type Actor, isAdministrator, type Scope, scopeGrants } from "../auth/policy/access.ts";
import { endOf } from "../auth/login/lifetime.ts";
import { newSecret } from "../auth/login/secret.ts";
import { RegistryError } from "../oci/errors.ts";
import type { NewToken, Token, UserToken } from "../db/tokens.ts";
import type { Context } from "../http/context.ts";
import { description, readJson, scopes } from "../http/input.ts";
import { expiryOfNew, expiryOfOld } from "./lasting.ts";
import { listing, pageOf } from "../http/list.ts";
import { noContent, requireCreated, timestamp } from "../http/resource.ts";

const DAY = 86_400_000;
const MAX_DAYS = 3650;
const EVERYTHING: readonly Scope[] = [{ repositories: "*", actions: ["admin"] }];

/** Days from now; null for a secret that is valid until it is deleted. */
const days = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DAYS));
export const expiresInDays = v.optional(v.nullable(days));

const NewUserToken = v.strictObject({
  description: v.pipe(description, v.nonEmpty("say what the token is for")),
  scopes: v.optional(scopes),
  expiresInDays,
});

/** The expiry is the only field that can be changed. */
export const Expiry = v.strictObject({ expiresInDays: v.nullable(days) });

/** Lists the caller's own tokens. */
export async function list({ url, actor, settings, registry }: Context): Promise<Response> {
  const page = pageOf(url.searchParams);
  const tokens = await registry.tokens.list(requireUser(actor), page);
  const { token: longest } = settings.longestLives;
  return listing(
    url,
    page,
    tokens.map((token) => userView(token, longest)),
    ({ id }) => id,
  );
}

export async function create(context: Context): Promise<Response> {
  const { request, actor, initiator, settings, registry } = context;
  const user = requireUser(actor);
  const given = await readJson(request, NewUserToken);
  const limits = given.scopes ?? EVERYTHING;
  const wanted = { days: given.expiresInDays, longest: settings.longestLives.token };
  const { secret, token } = await mint(given.description, expiryOfNew(wanted, actor));
  const made = { ...token, scopes: limits };
  requireCreated(await registry.tokens.create(user, made, initiator), "a token of this id");
  // No Location, which would name the token (RFC 9110 § 15.3.2): a token has no path of its own.
  return Response.json({ ...userView(made, wanted.longest), secret }, { status: 201 });
}

/** Changes the caller's own token; an administrator may change any user's. */
export async function update(context: Context<"token">): Promise<Response> {
  const { request, params, actor, initiator, settings, registry } = context;
  const user = requireUser(actor);
  const given = await readJson(request, Expiry);
  const wanted = { days: given.expiresInDays, longest: settings.longestLives.token };
  const token = await registry.tokens.prolong(
    params.token,
    isAdministrator(actor) ? null : user,
    (current) => expiryOfOld(current, wanted, actor),
    initiator,
  );
  return Response.json(userView(token, wanted.longest));
}

/** Deletes the caller's own token; an administrator may delete any user's. A limited token can delete only itself. */
export async function remove(context: Context<"token">): Promise<Response> {
  const { params, actor, initiator, registry } = context;
  const { token } = params;
  // A registry token depends on the token that it was made with, but must not delete it.
  const itself = actor.token === null && actor.dependsOn.includes(`token:${token}`);
  const user = itself && actor.via === "token" ? actor.name : requireUser(actor);
  await registry.tokens.remove(token, isAdministrator(actor) ? null : user, initiator);
  return noContent();
}

/** Makes a secret, and the record of it to store. */
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
 * @returns the user's name
 * @throws DENIED for anyone but a user, and for limited credentials
 */
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

/** @param longest the longest lifetime of such tokens, which also ends a token that was made for longer */
export function tokenView(token: Token, longest: number | null) {
  const { id, description: purpose, lastUsed, createdAt } = token;
  const expiresAt = endOf(token, longest);
  return {
    id,
    description: purpose,
    expiresAt: expiresAt === null ? null : timestamp(expiresAt),
    lastUsed: lastUsed === null ? null : timestamp(lastUsed * DAY).slice(0, 10),
    createdAt: timestamp(createdAt),
  };
}

function userView(token: UserToken, longest: number | null) {
  return { ...tokenView(token, longest), scopes: token.scopes };
}
