import * as v from "valibot";
import { ADMIN } from "../auth/login/admin.ts";
import { hashPassword } from "../auth/login/password.ts";
import { isReserved } from "../auth/policy/reserved.ts";
import { isSecret } from "../auth/login/secret.ts";
import { isCredential } from "../auth/login/token.ts";
import { RegistryError } from "../oci/errors.ts";
import type { User } from "../db/users.ts";
import type { Context } from "../http/context.ts";
import { accountName, readJson } from "../http/input.ts";
import { requireLasting } from "./lasting.ts";
import { listing, pageOf } from "../http/list.ts";
import {
  disabledView,
  found,
  lastOwnerOf,
  noContent,
  requireChange,
  requireCreated,
  resource,
  timestamp,
  wantedVersion,
} from "../http/resource.ts";

export const password = v.pipe(
  v.string(),
  v.minLength(12, "a password has at least 12 characters"),
  v.maxLength(1024, "a password has at most 1024 characters"),
  // A login would take such a password for a token, and never compare it with the hash.
  v.check(
    (text) => !isSecret(text) && !isCredential(text),
    'a password does not begin with "slp_" or "slpo_"',
  ),
);

const NewUser = v.strictObject({
  name: v.pipe(
    accountName,
    v.check(
      (name) => !isReserved(name),
      "this name stands for what is no person, in the audit log or at a login; choose another",
    ),
  ),
  password,
  admin: v.optional(v.boolean(), false),
});

const UserChange = v.strictObject({
  admin: v.optional(v.boolean()),
  disabled: v.optional(v.boolean()),
  password: v.optional(password),
});

export async function list({ url, registry }: Context): Promise<Response> {
  const page = pageOf(url.searchParams);
  const users = await registry.users.list(page);
  return listing(url, page, users.map(view), ({ name }) => name);
}

export async function create({ request, actor, initiator, registry }: Context): Promise<Response> {
  const { name, admin, ...given } = await readJson(request, NewUser);
  requireLasting(actor, "a user");
  const enabled = { disabledAt: null, disabledBy: null };
  const user = { name, admin, ...enabled, createdAt: Date.now(), version: 1 };
  const creation = await registry.users.create(user, await hashPassword(given.password), initiator);
  requireCreated(creation, `the user ${name}`);
  return resource(view(user), { status: 201, location: `/api/v1/users/${name}` });
}

export async function read({ request, params, registry }: Context<"user">): Promise<Response> {
  return found(request, view(await registry.users.find(params.user)));
}

export async function update(context: Context<"user">): Promise<Response> {
  const { request, url, params, actor, initiator, registry } = context;
  requireEditable(params.user);
  const lastOwner = lastOwnerOf(url);
  const version = await wantedVersion(request, () => registry.users.find(params.user));
  const given = await readJson(request, UserChange);
  requireChange(given);
  if (given.disabled === true && params.user === actor.name) throw themselves("disables");
  // A token must not become a password, which would outlive it; PUT /me/password has the same rule.
  if (given.password !== undefined && params.user === actor.name && actor.via !== "password") {
    const message = "one's own password is changed by whoever is logged in with the current one";
    throw new RegistryError("DENIED", { message });
  }
  if (given.admin === true) requireLasting(actor, "an administrator");
  if (given.password !== undefined) requireLasting(actor, "a user's password");
  if (given.disabled === false) requireLasting(actor, "an enabled user");
  const change = {
    admin: given.admin ?? null,
    disabled: given.disabled ?? null,
    password: given.password === undefined ? null : await hashPassword(given.password),
    lastOwner,
  };
  return resource(view(await registry.users.update(params.user, change, version, initiator)));
}

export async function remove(context: Context<"user">): Promise<Response> {
  const { request, url, params, actor, initiator, registry } = context;
  requireEditable(params.user);
  if (params.user === actor.name) throw themselves("deletes");
  const lastOwner = lastOwnerOf(url);
  const version = await wantedVersion(request, () => registry.users.find(params.user));
  await registry.users.remove(params.user, version, lastOwner, initiator);
  return noContent();
}

function themselves(does: "deletes" | "disables"): RegistryError {
  const message = `nobody ${does} themselves: let another administrator do it`;
  return new RegistryError("CONFLICT", { message });
}

/** @throws DENIED for the built-in administrator */
function requireEditable(name: string): void {
  if (name !== ADMIN) return;
  throw new RegistryError("DENIED", {
    message:
      "the built-in administrator stays as it is; its password is the deployment's secret ADMIN_PASSWORD",
  });
}

function view(user: User) {
  const { name, admin, createdAt, version } = user;
  return { name, admin, ...disabledView(user), createdAt: timestamp(createdAt), version };
}
