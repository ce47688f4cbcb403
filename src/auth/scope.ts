import { isRepositoryName } from "../oci/reference.ts";
import {
  type Action,
  ACTIONS,
  type Actor,
  CATALOG,
  type Grant,
  isAdministrator,
  may,
} from "./access.ts";

/** One entry of a token's access list (distribution docs, "Token Authentication Specification"). */
export interface ScopeEntry {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** Far more than any client asks for at once. */
const MAX_SCOPES = 100;

/**
 * Reads `type[(class)]:name:action,action`; a name may itself hold colons. Several scopes come as repeated parameters,
 * separated by spaces, or both, and overlap. What is not understood is passed over, as the protocol wants.
 */
export function parseScopes(parameters: readonly string[]): ScopeEntry[] {
  const merged = new Map<string, { type: string; name: string; actions: Set<string> }>();
  for (const text of parameters
    .flatMap((parameter) => parameter.split(/\s+/))
    .slice(0, MAX_SCOPES)) {
    const match = /^([a-z]+)(?:\([a-z0-9]*\))?:(.+):([a-z*,]*)$/.exec(text);
    const [, type, name, actions] = match ?? [];
    if (type === undefined || name === undefined || actions === undefined) continue;
    const key = `${type}:${name}`;
    const entry = merged.get(key) ?? { type, name, actions: new Set() };
    for (const action of actions.split(",")) if (action !== "") entry.actions.add(action);
    merged.set(key, entry);
  }
  return [...merged.values()].map((entry) => ({ ...entry, actions: [...entry.actions] }));
}

/** The repositories that the scopes name. */
export function repositoriesIn(asked: readonly ScopeEntry[]): string[] {
  return asked.flatMap(({ type, name }) =>
    type === "repository" && isRepositoryName(name) ? name : [],
  );
}

/** What is asked, divided into what the actor may have and what it may not. */
export function grantScopes(
  actor: Actor,
  asked: readonly ScopeEntry[],
): { readonly access: ScopeEntry[]; readonly refused: Grant[] } {
  const access: ScopeEntry[] = [];
  const refused: Grant[] = [];
  for (const scope of asked) {
    if (scope.type === "registry" && scope.name === "catalog" && scope.actions.includes("*")) {
      if (isAdministrator(actor)) access.push({ ...scope, actions: ["*"] });
      else refused.push({ pattern: CATALOG, rights: ["pull"] });
    } else if (scope.type === "repository" && isRepositoryName(scope.name)) {
      const actions = scope.actions.includes("*") ? ACTIONS : scope.actions.filter(isAction);
      const granted = actions.filter((action) => may(actor, action, scope.name));
      const rights = actions.filter((action) => !granted.includes(action));
      if (granted.length > 0) access.push({ ...scope, actions: granted });
      if (rights.length > 0) refused.push({ pattern: scope.name, rights });
    }
  }
  return { access, refused };
}

export function isAction(text: string): text is Action {
  return ACTIONS.some((action) => action === text);
}
