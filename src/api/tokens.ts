import {
  type Actor,
  isAdministrator,
  isPersonal,
  type Scope,
  scopeGrants,
} from "../auth/policy/access.ts";
import { endOf } from "../auth/login/lifetime.ts";
import { newSecret } from "../auth/login/secret.ts";
import { RegistryError } from "../oci/errors.ts";
import type { NewToken as NewTokenRow, Token as StoredToken, UserToken } from "../db/tokens.ts";
import { requireCreated, timestamp } from "../http/resource.ts";
import { issued, none, one, page } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { expiryOfNew, expiryOfOld, type Wanted } from "./lasting.ts";
import { PAGE, paged, withNext } from "./query.ts";
import { Expiry, MadeToken, NewToken, Token } from "./schema/accounts.ts";

const DAY_MS = 86_400_000;
const EVERYTHING: readonly Scope[] = [{ repositories: "*", actions: ["admin"] }];

export const USER = {
  rule: "Only for users, with their password, a session or an unlimited token.",
  check: ({ actor }: { readonly actor: Actor }) => void userOf(actor),
};

const OTHERS = "Only administrators may use this on other users' tokens.";

const list = endpoint(
  "GET /tokens",
  {
    id: "listTokens",
    summary: "List the caller's tokens",
    access: "login",
    requires: [USER],
    query: PAGE,
    answer: page(Token),
  },
  async ({ query, actor, settings, registry }) => {
    const tokens = await registry.tokens.list(userOf(actor), withNext(query));
    const { token: longest } = settings.longestLives;
    const views = tokens.map((token) => userView(token, longest));
    return paged(query, views, ({ id }) => id);
  },
);

const create = endpoint(
  "POST /tokens",
  {
    id: "createToken",
    summary: "Create a token for the caller",
    access: "login",
    requires: [USER],
    body: NewToken,
    answer: issued(MadeToken),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body, actor, initiator, settings, registry }) => {
    const wanted = { days: body.expiresInDays, longest: settings.longestLives.token };
    const { secret, token } = await mint(body.description, wanted, actor);
    const made = { ...token, scopes: body.scopes ?? EVERYTHING };
    requireCreated(await registry.tokens.create(userOf(actor), made, initiator), "a token");
    return { ...userView(made, wanted.longest), secret };
  },
);

const update = endpoint(
  "PATCH /tokens/:token",
  {
    id: "updateToken",
    summary: "Change when a token expires",
    access: "login",
    requires: [{ ...USER, rule: `${USER.rule} ${OTHERS}` }],
    body: Expiry,
    answer: one(Token),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body, params, actor, initiator, settings, registry }) => {
    const wanted = { days: body.expiresInDays, longest: settings.longestLives.token };
    const token = await registry.tokens.prolong(
      params.token,
      isAdministrator(actor) ? null : userOf(actor),
      (current) => expiryOfOld(current, wanted, actor),
      initiator,
    );
    return userView(token, wanted.longest);
  },
);

const remove = endpoint(
  "DELETE /tokens/:token",
  {
    id: "deleteToken",
    summary: "Delete a token",
    access: "login",
    requires: [
      {
        rule: `${USER.rule} A limited token can delete itself. ${OTHERS}`,
        check: ({ actor, params }) => {
          if (!isItself(actor, params.token)) userOf(actor);
        },
      },
    ],
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  async ({ params, actor, initiator, registry }) => {
    const user = isAdministrator(actor) ? null : actor.name;
    await registry.tokens.remove(params.token, user, initiator);
  },
);

export const TOKENS: readonly Endpoint[] = [list, create, update, remove];

/** Makes a secret, and the record of it to store. @throws what `expiryOfNew` throws */
export async function mint(
  purpose: string,
  wanted: Wanted,
  actor: Actor,
): Promise<{ readonly secret: string; readonly token: NewTokenRow }> {
  const expiresAt = expiryOfNew(wanted, actor);
  const { secret, hash } = await newSecret();
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const token = { id, hash, description: purpose, expiresAt, lastUsed: null };
  return { secret, token: { ...token, createdAt: Date.now() } };
}

/** Whether the caller is this token. A registry token depends on the token that it was made with, and is another. */
function isItself({ via, token, dependsOn }: Actor, id: string): boolean {
  return token === null && via === "token" && dependsOn.includes(`token:${id}`);
}

/**
 * @returns the user's name
 * @throws DENIED for anyone but a user, and for limited credentials
 */
export function userOf({ name, via, token, limits }: Actor): string {
  const unlimited =
    isPersonal(via) || (via === "token" && limits !== null && ownsEverything(limits));
  if (name !== null && token === null && unlimited) return name;
  throw new RegistryError("DENIED", {
    message: "this is for users: with their password, a session or a token that is not limited",
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
export function tokenView(token: StoredToken, longest: number | null) {
  const { id, description, lastUsed, createdAt } = token;
  const expiresAt = endOf(token, longest);
  return {
    id,
    description,
    expiresAt: expiresAt === null ? null : timestamp(expiresAt),
    lastUsed: lastUsed === null ? null : timestamp(lastUsed * DAY_MS).slice(0, 10),
    createdAt: timestamp(createdAt),
  };
}

function userView(token: UserToken, longest: number | null) {
  return { ...tokenView(token, longest), scopes: token.scopes };
}
