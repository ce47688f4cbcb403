import { RegistryError } from "../../oci/errors.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import {
  type Action,
  ACTIONS,
  type Actor,
  CATALOG,
  type Grant,
  may,
  pullPatterns,
  type PullPatterns,
} from "./access.ts";

/** One entry of a token's access list (distribution docs, "Token Authentication Specification"). */
export interface ScopeEntry {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** The most scopes of one request, far more than any client asks for; each repository among them is looked up. */
const MAX_SCOPES = 100;
const MAX_ACTIONS = 20;
/** The most characters of the catalog's patterns as JSON: their token travels in a header, and proxies take 8 KB. */
const MAX_CATALOG = 3_000;

/**
 * Reads `type[(class)]:name:action,action`; a name may itself hold colons. Several scopes come as repeated parameters,
 * separated by spaces, or both, and may overlap. Scopes that are not understood are ignored, as the protocol wants.
 * @throws REQUEST_INVALID for more than the limits: granting only a part would look like granting all
 */
export function parseScopes(parameters: readonly string[]): ScopeEntry[] {
  const merged = new Map<string, { type: string; name: string; actions: Set<string> }>();
  const texts = parameters.flatMap((parameter) => parameter.split(/\s+/)).filter(Boolean);
  if (texts.length > MAX_SCOPES) {
    throw tooMuch(`${texts.length} scopes: at most ${MAX_SCOPES} in one request`);
  }
  for (const text of texts) {
    const match = /^([a-z]+)(?:\([a-z0-9]*\))?:(.+):([a-z*,]*)$/.exec(text);
    const [, type, name, actions] = match ?? [];
    if (type === undefined || name === undefined || actions === undefined) continue;
    const key = `${type}:${name}`;
    const entry = merged.get(key) ?? { type, name, actions: new Set() };
    for (const action of actions.split(",")) if (action !== "") entry.actions.add(action);
    if (entry.actions.size > MAX_ACTIONS) {
      throw tooMuch(`${entry.actions.size} actions in one scope: at most ${MAX_ACTIONS}`);
    }
    merged.set(key, entry);
  }
  return [...merged.values()].map((entry) => ({ ...entry, actions: [...entry.actions] }));
}

function tooMuch(message: string): RegistryError {
  return new RegistryError("REQUEST_INVALID", { message });
}

/** Returns the repositories in the scopes. */
export function repositoriesIn(asked: readonly ScopeEntry[]): string[] {
  return asked.flatMap(({ type, name }) =>
    type === "repository" && isRepositoryName(name) ? name : [],
  );
}

export interface Granted {
  readonly access: readonly ScopeEntry[];
  readonly refused: readonly Grant[];
  /** The catalog's patterns for the token's claims; null for no catalog. */
  readonly catalog: PullPatterns | null;
}

export function asksForCatalog({ type, name, actions }: ScopeEntry): boolean {
  return type === "registry" && name === "catalog" && actions.includes("*");
}

/** Divides what is asked into what the actor may have and what it may not. */
export function grantScopes(actor: Actor, asked: readonly ScopeEntry[]): Granted {
  let catalog: PullPatterns | null = null;
  const access: ScopeEntry[] = [];
  const refused: Grant[] = [];
  for (const scope of asked) {
    if (asksForCatalog(scope)) {
      // Each actor may list what it may pull.
      const patterns = pullPatterns(actor);
      catalog = JSON.stringify(patterns).length <= MAX_CATALOG ? patterns : null;
      if (catalog === null) refused.push({ pattern: CATALOG, rights: ["pull"] });
      else access.push({ ...scope, actions: ["*"] });
    } else if (scope.type === "repository" && isRepositoryName(scope.name)) {
      const actions = scope.actions.includes("*") ? ACTIONS : scope.actions.filter(isAction);
      const granted = actions.filter((action) => may(actor, action, scope.name));
      const rights = actions.filter((action) => !granted.includes(action));
      if (granted.length > 0) access.push({ ...scope, actions: granted });
      if (rights.length > 0) refused.push({ pattern: scope.name, rights });
    }
  }
  return { access, refused, catalog };
}

export function isAction(text: string): text is Action {
  return ACTIONS.some((action) => action === text);
}
