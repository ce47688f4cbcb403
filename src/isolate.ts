import { repositorySubject, revokedAt } from "./auth/login/revocation.ts";
import { type Env, readSettings } from "./settings.ts";
import { createRegistry, type Registry } from "./compose.ts";
import { PrincipalIndex } from "./db/identities.ts";

/**
 * Objects that an isolate keeps between requests, one for each environment: they hold the caches of logins, revocations
 * and repositories.
 */
const principals = new WeakMap<Env, PrincipalIndex>();
const registries = new WeakMap<Env, Registry>();

export function principalsOf(env: Env): PrincipalIndex {
  const known = principals.get(env) ?? new PrincipalIndex(env.DB);
  principals.set(env, known);
  return known;
}

export function registryOf(env: Env): Registry {
  const known = registries.get(env);
  if (known !== undefined) return known;
  const voidedAt = (repository: string) =>
    revokedAt(principalsOf(env), repositorySubject(repository));
  const registry = createRegistry(env, readSettings(env), voidedAt);
  registries.set(env, registry);
  return registry;
}
