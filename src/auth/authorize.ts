import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { type Access, type Action, type Actor, may } from "./access.ts";
import { challenge, type Realm } from "./authenticate.ts";

/** What a client has to ask of the token service for an action; who pushes also reads. */
const SCOPE: Record<Action, string> = { pull: "pull", push: "pull,push", delete: "delete" };

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
  switch (access) {
    case "none":
      return;
    case "login":
      // Docker reads the challenge from this answer only, so everyone without credentials gets it (even if all is public).
      if (actor.name === null) throw challenge(realm, {});
      return;
    case "catalog":
      if (actor.catalog) return;
      throw refusal(actor, "registry:catalog:*", realm);
    case "pull":
    case "push":
    case "delete":
      if (repository === undefined) throw new Error(`a route with access ${access} has no name`);
      if (may(actor, access, repository)) return;
      throw refusal(actor, `repository:${repository}:${SCOPE[access]}`, realm);
  }
}

function refusal(actor: Actor, scope: string, realm: Realm): RegistryError {
  if (actor.via === "password") return new RegistryError("DENIED");
  if (actor.via === "anonymous") return challenge(realm, { scope });
  return challenge(realm, { scope, error: "insufficient_scope" });
}
