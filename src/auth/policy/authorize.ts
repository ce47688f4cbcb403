import { RegistryError } from "../../oci/errors.ts";
import {
  type Access,
  type Action,
  type Actor,
  CATALOG,
  gives,
  isAdministrator,
  may,
  type Right,
  type TokenClaims,
} from "./access.ts";
import { challenge, type AuthContext } from "../context.ts";

/** The actions to ask of the token service; a push also reads. */
const SCOPE: Record<Action, string> = { pull: "pull", push: "pull,push", delete: "delete" };

/** The verbs of a refusal message. */
const NEEDED: Record<Right, string> = {
  pull: "pull from",
  push: "push to",
  delete: "delete from",
  maintain: "manage",
  own: "decide who may use",
};

/** Returns the scope that a token needs for the access, or null where no token gives it. */
export function scopeOf(access: Access, repository: string | null): string | null {
  switch (access) {
    case "catalog":
      return CATALOG;
    case "pull":
    case "push":
    case "delete":
      return repository === null ? null : `repository:${repository}:${SCOPE[access]}`;
    case "none":
    case "token":
    case "login":
    case "administer":
    case "maintain":
    case "own":
      return null;
  }
}

/**
 * Lets the actor through or throws: 401 where (other) credentials could help, 403 where they could not.
 * @param target the repository in the path, or the namespace as `<name>/`; null where the route has neither
 */
export function authorize(
  actor: Actor,
  access: Access,
  target: string | null,
  auth: AuthContext,
): void {
  if (isAllowed(actor, access, target)) return;
  const scope = scopeOf(access, target);
  const { name, token } = actor;
  // Another token may allow what this one was not asked for; what was refused once will be refused again.
  const isFinal = token === null || scope === null || wasRefused(token, access, target);
  if (name === null) {
    // On a 401 crane repeats a push without its body, and containerd repeats it five times: they would report that
    // failure instead.
    const isWrite = access === "push" || access === "delete";
    if (token !== null && isFinal && isWrite) {
      throw new RegistryError("DENIED", { message: `log in to ${NEEDED[access]} ${target ?? ""}` });
    }
    // With this error containerd reports "pull access denied"; without it, it sends five equal requests.
    const error = token === null ? {} : { error: "insufficient_scope" as const };
    throw challenge(auth, { scope, message: "log in first", ...error });
  }
  if (!isFinal) throw challenge(auth, { scope, error: "insufficient_scope" });
  const message = access === "catalog" ? TOO_MANY : denial({ ...actor, name }, access, target);
  throw new RegistryError("DENIED", { message });
}

function wasRefused({ refused }: TokenClaims, access: Access, target: string | null): boolean {
  if (access === "catalog") return gives(refused, "pull", CATALOG);
  return isRight(access) && target !== null && gives(refused, access, target);
}

export function isAllowed(actor: Actor, access: Access, target: string | null): boolean {
  switch (access) {
    case "none":
      return true;
    case "token":
      // Docker reads the challenge from this answer only, so every request without credentials gets it, even if all is
      // public.
      return actor.name !== null || actor.token !== null;
    case "login":
      return actor.name !== null;
    case "catalog":
      // An anonymous client also lists what it may pull, but only by a token, as other registries require.
      return actor.token === null ? actor.name !== null : actor.token.catalog !== null;
    case "administer":
      return isAdministrator(actor);
    case "pull":
    case "push":
    case "delete":
    case "maintain":
    case "own":
      return target !== null && may(actor, access, target);
  }
}

function isRight(access: Access): access is Right {
  return access in NEEDED;
}

/** The refusal of the catalog when the actor's patterns are more than a token can hold. */
const TOO_MANY =
  "too many patterns give you repositories to list them by a token; ask GET /api/v1/repositories";

/** Says the same of what is there and of what is not. */
function denial(
  actor: Actor & { readonly name: string },
  access: Access,
  target: string | null,
): string {
  const { name } = actor;
  if (!isRight(access) || target === null) {
    return isAdministrator({ ...actor, limits: null })
      ? `${name} is an administrator, but these credentials are limited to some repositories: log in with the password, or use a token without limits`
      : `${name} is no administrator of this registry`;
  }
  const what = target.endsWith("/") ? `the namespace ${target.slice(0, -1)}` : target;
  return `${name} may not ${NEEDED[access]} ${what}, or these credentials are not for that; its owners can give access`;
}
