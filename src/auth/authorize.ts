import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { type Access, type Action, type Actor, may } from "./access.ts";
import { challenge, type Realm } from "./authenticate.ts";

/** What a client has to ask of the token service for an action; who pushes also reads. */
const SCOPE: Record<Action, string> = { pull: "pull", push: "pull,push", delete: "delete" };

/** The scope that a token needs for the access, or null where none is needed. */
export function scopeOf(access: Access, repository: RepositoryName | undefined): string | null {
  switch (access) {
    case "none":
    case "login":
      return null;
    case "catalog":
      return "registry:catalog:*";
    case "pull":
    case "push":
    case "delete":
      return `repository:${repository}:${SCOPE[access]}`;
  }
}

/**
 * Lets the actor through or throws: 401 where (other) credentials could help, 403 where they could not.
 * @param repository the repository in the path, where the access is an action on one
 */
export function authorize(
  actor: Actor,
  access: Access,
  repository: RepositoryName | undefined,
  realm: Realm,
): void {
  if (allowed(actor, access, repository)) return;
  const scope = scopeOf(access, repository);
  if (actor.via === "password") throw new RegistryError("DENIED");
  if (actor.via === "anonymous" || scope === null) throw challenge(realm, { scope });
  throw challenge(realm, { scope, error: "insufficient_scope" });
}

function allowed(actor: Actor, access: Access, repository: RepositoryName | undefined): boolean {
  switch (access) {
    case "none":
      return true;
    case "login":
      // Docker reads the challenge from this answer only, so everyone without credentials gets it (even if all is public).
      return actor.name !== null;
    case "catalog":
      return actor.catalog;
    case "pull":
    case "push":
    case "delete":
      return repository !== undefined && may(actor, access, repository);
  }
}
