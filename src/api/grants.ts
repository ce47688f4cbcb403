import {
  type Actor,
  type Grant,
  type Role,
  roleGrant,
  ROLES,
  type Scope,
} from "../auth/policy/access.ts";
import { intersect, type NameRange } from "../auth/policy/ranges.ts";

/** Converts grants to the scopes that would ask for them. */
export function scopesOf(grants: readonly Grant[]): Scope[] {
  return grants.map(({ pattern, rights }) => ({
    repositories: pattern,
    actions: rights.includes("maintain")
      ? ["admin"]
      : (["pull", "push", "delete"] as const).filter((action) => rights.includes(action)),
  }));
}

/** Converts grants back to the roles that gave them. */
export function rolesOf(grants: readonly Grant[]): { repositories: string; role: Role }[] {
  return grants.flatMap(({ pattern, rights }) => {
    const role = ROLES.findLast((candidate) =>
      roleGrant(pattern, candidate).rights.every((right) => rights.includes(right)),
    );
    return role === undefined ? [] : { repositories: pattern, role };
  });
}

/** Sorts after every character of a name. */
const LAST = "~";

/** Returns the ranges of namespaces in which the actor has a grant that its credentials do not exclude. */
export function namespacesOf({ grants, limits }: Actor): NameRange[] | "all" {
  const granted = grants.map(rangeOf);
  const ranges = limits === null ? granted : intersect(granted, limits.map(rangeOf));
  return ranges.some(({ from, to }) => from === "" && to === LAST) ? "all" : ranges;
}

/** Returns the range of namespaces with names that the pattern matches; its `*` also matches "/". */
function rangeOf({ pattern }: Grant): NameRange {
  const [literal = ""] = pattern.split("*", 1);
  const [head = ""] = literal.split("/", 1);
  const whole = literal.includes("/") || literal === pattern;
  return { from: head, to: whole ? head : head + LAST };
}
