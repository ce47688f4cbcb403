import { policySubject, repositorySubject, revokedAt } from "./auth/login/revocation.ts";
import { namespaceOf, type RepositoryName } from "./oci/reference.ts";
import { type Env, readSettings } from "./settings.ts";
import { createRegistry, type Registry } from "./compose.ts";
import { IdentityStore } from "./db/identities.ts";

/** What an isolate keeps from one request to the next, for each environment: what it knows of revocations and repositories. */
const identities = new WeakMap<Env, IdentityStore>();
const registries = new WeakMap<Env, Registry>();

export function identitiesOf(env: Env): IdentityStore {
  const known = identities.get(env) ?? new IdentityStore(env.DB);
  identities.set(env, known);
  return known;
}

export function registryOf(env: Env): Registry {
  const known = registries.get(env);
  if (known !== undefined) return known;
  const invalidatedAt = (repository: RepositoryName) =>
    Math.max(
      revokedAt(identitiesOf(env), repositorySubject(repository)),
      revokedAt(identitiesOf(env), policySubject(namespaceOf(repository))),
    );
  const registry = createRegistry(env, readSettings(env), invalidatedAt);
  registries.set(env, registry);
  return registry;
}
