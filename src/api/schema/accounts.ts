/** Users, their tokens, robots, and the caller itself. */
import * as v from "valibot";
import { ROLES, VIAS } from "../../auth/policy/access.ts";
import { isReserved } from "../../auth/policy/reserved.ts";
import { isSecret } from "../../auth/login/secret.ts";
import { isCredential } from "../../auth/login/token.ts";
import {
  accountName,
  description,
  disabled,
  flag,
  Scope,
  Scopes,
  secret,
  someTime,
  text,
  time,
  version,
} from "./common.ts";

const MAX_DAYS = 3650;

const password = v.pipe(
  v.string(),
  v.minLength(12, "a password has at least 12 characters"),
  v.maxLength(1024, "a password has at most 1024 characters"),
  // A login would take such a password for a token, and never compare it with the hash.
  v.check(
    (given) => !isSecret(given) && !isCredential(given),
    'a password does not begin with "slp_" or "slpo_"',
  ),
);

/** Days from now; null for a secret that is valid until it is deleted. */
const days = v.pipe(
  v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DAYS))),
  v.description("Days from now; null: until it is deleted."),
);
const expiresInDays = v.pipe(
  v.optional(days),
  v.description("Days from now, 90 if left out; null: until it is deleted."),
);

export const Me = v.object({
  name: text,
  via: v.picklist(VIAS),
  admin: flag,
  roles: v.array(v.object({ repositories: text, role: v.picklist(ROLES) })),
  scopes: v.nullable(v.array(Scope)),
  expires: someTime,
  trashDays: v.pipe(
    v.number(),
    v.minValue(0),
    v.description("Days for which a deletion can be undone; 0: never."),
  ),
  maxRequestBytes: v.pipe(
    v.nullable(v.number()),
    v.description(
      "The most bytes that one request's body may have, by the setting MAX_REQUEST_BODY_MB; null: no limit is known.",
    ),
  ),
});
export type Me = v.InferOutput<typeof Me>;

export const NewPassword = v.strictObject({ current: text, password });

export const User = v.object({
  name: text,
  admin: flag,
  ...disabled,
  createdAt: time,
  version,
});
export type User = v.InferOutput<typeof User>;

export const NewUser = v.strictObject({
  name: v.pipe(
    accountName,
    v.check(
      (name) => !isReserved(name),
      "this name stands for what is no person, in the audit log or at a login; choose another",
    ),
  ),
  password,
  admin: v.optional(flag, false),
});

export const UserChange = v.strictObject({
  admin: v.optional(flag),
  disabled: v.optional(flag),
  password: v.optional(password),
});

const token = {
  id: text,
  description: text,
  expiresAt: someTime,
  lastUsed: v.nullable(v.pipe(text, v.isoDate())),
  createdAt: time,
};

export const Token = v.object({ ...token, scopes: v.array(Scope) });
export type Token = v.InferOutput<typeof Token>;
export const MadeToken = v.object({ ...Token.entries, secret });
export type MadeToken = v.InferOutput<typeof MadeToken>;

export const NewToken = v.strictObject({
  description: v.pipe(description, v.nonEmpty("say what the token is for")),
  scopes: v.optional(Scopes),
  expiresInDays,
});

/** The end of a token is the only field that can be changed. */
export const Expiry = v.strictObject({ expiresInDays: days });

export const RobotToken = v.object(token);
export type RobotToken = v.InferOutput<typeof RobotToken>;
export const MadeRobotToken = v.object({ ...token, secret });
export type MadeRobotToken = v.InferOutput<typeof MadeRobotToken>;
export const NewRobotToken = v.strictObject({
  description: v.optional(description, ""),
  expiresInDays,
});

export const Robot = v.object({
  name: text,
  description: text,
  scopes: v.array(Scope),
  tokens: v.array(RobotToken),
  ...disabled,
  version,
  createdAt: time,
});
export type Robot = v.InferOutput<typeof Robot>;
export const MadeRobot = v.object({ ...Robot.entries, secret });
export type MadeRobot = v.InferOutput<typeof MadeRobot>;

export const NewRobot = v.strictObject({
  name: accountName,
  description: v.optional(description, ""),
  scopes: Scopes,
  expiresInDays,
});

export const RobotChange = v.strictObject({
  description: v.optional(description),
  scopes: v.optional(Scopes),
  disabled: v.optional(flag),
});
