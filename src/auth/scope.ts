import { isRepositoryName } from "../oci/reference.ts";
import { type Action, ACTIONS, type Actor, may } from "./access.ts";

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

/** The part of what is asked that the actor may have. */
export function grantScopes(actor: Actor, asked: readonly ScopeEntry[]): ScopeEntry[] {
  return asked.flatMap((scope) => {
    const actions = grantedActions(actor, scope);
    return actions.length === 0 ? [] : { ...scope, actions };
  });
}

function grantedActions(actor: Actor, { type, name, actions }: ScopeEntry): readonly string[] {
  if (type === "registry" && name === "catalog") {
    return actor.catalog && actions.includes("*") ? ["*"] : [];
  }
  if (type !== "repository" || !isRepositoryName(name)) return [];
  const asked = actions.includes("*") ? ACTIONS : actions.filter(isAction);
  return asked.filter((action) => may(actor, action, name));
}

export function isAction(text: string): text is Action {
  return ACTIONS.some((action) => action === text);
}
