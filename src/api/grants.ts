import {
  type Actor,
  type Grant,
  type Role,
  roleGrant,
  ROLES,
  type Scope,
} from "../auth/policy/access.ts";
import { intersect, type NameRange } from "../auth/policy/ranges.ts";

/** Grants as scopes, which is how they are asked for. */
export function scopesOf(grants: readonly Grant[]): Scope[] {
  return grants.map(({ pattern, rights }) => ({
    repositories: pattern,
    actions: rights.includes("maintain")
      ? ["admin"]
      : (["pull", "push", "delete"] as const).filter((action) => rights.includes(action)),
  }));
}

/** Grants as the roles that they came from. */
export function rolesOf(grants: readonly Grant[]): { repositories: string; role: Role }[] {
  return grants.flatMap(({ pattern, rights }) => {
    const role = ROLES.findLast((candidate) =>
      roleGrant(pattern, candidate).rights.every((right) => rights.includes(right)),
    );
    return role === undefined ? [] : { repositories: pattern, role };
  });
}

/** No name is after it. */
const LAST = "~";

/** Where the namespaces are that the actor has a grant in, as far as its credentials reach. */
export function namespacesOf({ grants, limits }: Actor): NameRange[] | "all" {
  const granted = grants.map(rangeOf);
  const ranges = limits === null ? granted : intersect(granted, limits.map(rangeOf));
  return ranges.some(({ from, to }) => from === "" && to === LAST) ? "all" : ranges;
}

/** The names of the namespaces that hold what the pattern matches; its `*` also stands for "/". */
function rangeOf({ pattern }: Grant): NameRange {
  const [literal = ""] = pattern.split("*", 1);
  const [head = ""] = literal.split("/", 1);
  const whole = literal.includes("/") || literal === pattern;
  return { from: head, to: whole ? head : head + LAST };
}
