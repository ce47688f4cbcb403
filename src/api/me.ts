import * as v from "valibot";
import { isAdministrator } from "../auth/policy/access.ts";
import { ADMIN } from "../auth/login/admin.ts";
import { hashPassword, verifyPassword } from "../auth/login/password.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Context } from "../http/context.ts";
import { rolesOf, scopesOf } from "./grants.ts";
import { invalid, readJson } from "../http/input.ts";
import { noContent, timestamp } from "../http/resource.ts";
import { password } from "./users.ts";

const NewPassword = v.strictObject({ current: v.string(), password });

/** Describes the caller, and what its credentials allow. */
export function read({ actor }: Context): Response {
  const { name, via, grants, limits, expires, token } = actor;
  // Only people have roles; a registry token lists its rights, not the roles that gave them.
  const person = (via === "password" || via === "token") && token === null;
  return Response.json({
    name,
    via,
    admin: isAdministrator(actor),
    roles: person ? rolesOf(grants) : [],
    scopes: person ? limits && scopesOf(limits) : scopesOf(grants),
    expires: expires === null ? null : timestamp(expires * 1000),
  });
}

/** Changes the caller's password. Only a login with the current one may, since a token must not become a password. */
export async function update({ request, actor, initiator, registry }: Context): Promise<Response> {
  const { name, via, token } = actor;
  if (name === ADMIN) {
    throw new RegistryError("DENIED", {
      message:
        "the built-in administrator's password is the deployment's secret ADMIN_PASSWORD: change it there (npx wrangler secret put ADMIN_PASSWORD)",
    });
  }
  if (name === null || via !== "password" || token !== null) {
    throw new RegistryError("DENIED", {
      message: "a password is changed by its owner, logged in with the current one",
    });
  }
  const given = await readJson(request, NewPassword);
  // Read after the login: an administrator may have replaced the password in the meantime, and must not be overruled.
  const { hash, version } = await registry.users.password(name);
  if (!(await verifyPassword(given.current, hash))) {
    throw invalid("current", "this is not the current password");
  }
  const hashed = await hashPassword(given.password);
  const change = { admin: null, disabled: null, password: hashed, lastOwner: "stays" } as const;
  await registry.users.update(name, change, version, initiator);
  return noContent();
}
