import type { RepositoryName, Sources } from "../../oci/reference.ts";
import { matches } from "../../oci/glob.ts";

/** The actions that a route may need on the repository in its path, named as in the token protocol's scopes. */
export const ACTIONS = ["pull", "push", "delete"] as const;
export type Action = (typeof ACTIONS)[number];

/** `maintain`: visibility, description, deletion of the repository; `own`: a namespace's members, robots and rules. */
export type Right = Action | "maintain" | "own";

export const ROLES = ["reader", "writer", "maintainer", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** Each role includes the rights of the one before it. */
const ROLE_RIGHTS: Record<Role, readonly Right[]> = {
  reader: ["pull"],
  writer: ["pull", "push"],
  maintainer: ["pull", "push", "delete", "maintain"],
  owner: ["pull", "push", "delete", "maintain", "own"],
};

/** The actions that credentials can be limited to. */
export const SCOPE_ACTIONS = ["pull", "push", "delete", "admin"] as const;
export type ScopeAction = (typeof SCOPE_ACTIONS)[number];

/** Both push and delete include pull: clients check before they push and read before they delete. */
const SCOPE_RIGHTS: Record<ScopeAction, readonly Right[]> = {
  pull: ["pull"],
  push: ["pull", "push"],
  delete: ["pull", "delete"],
  admin: ROLE_RIGHTS.owner,
};

/** The limits of a token, a robot or a trust rule. */
export interface Scope {
  /** A glob over repository names. */
  readonly repositories: string;
  readonly actions: readonly ScopeAction[];
}

/** Rights on the repositories that a glob matches. */
export interface Grant {
  readonly pattern: string;
  readonly rights: readonly Right[];
  /** Whether the grant comes from the repository being public. */
  readonly everyone?: true;
}

/**
 * The access that a route needs: nothing, credentials of any kind (an anonymous token too), a named actor, an
 * administrator, or a right on the repository or namespace in its path.
 */
export type Access = "none" | "token" | "login" | "catalog" | "administer" | Right;

/** The scope of the catalog; it is no valid repository name, so the two cannot be confused. */
export const CATALOG = "registry:catalog:*";

/** The ways in which an actor proved its identity; "scanner": by a token that the registry gave to a scanner of its own. */
export const VIAS = [
  "anonymous",
  "password",
  "session",
  "token",
  "robot",
  "oidc",
  "scanner",
] as const;
export type Via = (typeof VIAS)[number];

/** Returns whether the initiator is a person with all of their rights: by the password, or a session begun with it. */
export function isPersonal(via: Via): boolean {
  return via === "password" || via === "session";
}

export interface PullPatterns {
  readonly grants: readonly string[];
  readonly limits: readonly string[] | null;
}

/** The claims of a registry token beyond its grants. It is limited to what was asked for; another may allow more. */
export interface TokenClaims {
  /** Rights that were asked for and refused: asking again does not help. */
  readonly refused: readonly Grant[];
  /** The repositories in the catalog: patterns that give pull, and patterns that limit them; null for no catalog. */
  readonly catalog: PullPatterns | null;
  /** The repositories that blobs may be mounted from without naming one, beyond those in the grants. */
  readonly sources: "all" | "granted";
}

/** The initiator of a request, with its rights. */
export interface Actor {
  /** null without credentials. */
  readonly name: string | null;
  readonly via: Via;
  /** Rights by its roles or scopes. */
  readonly grants: readonly Grant[];
  /** The limits of its credentials; null for no limit. */
  readonly limits: readonly Grant[] | null;
  /** The subjects that must not be revoked while the actor is valid, named as for `revoke` in db/revocations.ts. */
  readonly dependsOn: readonly string[];
  /** The claims of its registry token; null for other credentials, or none. */
  readonly token: TokenClaims | null;
  /** For the audit log: a workload's ID token subject, else the token's or session's id; null for a password. */
  readonly subject: string | null;
  /**
   * When the credentials end, and what is made with them, in seconds since 1970; null for never. Null for a session
   * too: it is as strong as the password that it was begun with, so what it makes may last.
   */
  readonly expires: number | null;
  /** When the rights were read, in milliseconds since 1970: they include older revocations. null: no credentials. */
  readonly grantedAt: number | null;
}

/**
 * The whole policy: no right without a grant that gives it.
 * @param repository or a namespace as `acme/`: a right on that is a right on everything that it can hold
 */
export function may(actor: Actor, right: Right, repository: string): boolean {
  return (
    gives(actor.grants, right, repository) &&
    (actor.limits === null || gives(actor.limits, right, repository))
  );
}

/** Returns whether the actor owns all repositories, which makes it an administrator. */
export function isAdministrator(actor: Actor): boolean {
  return ownsAll(actor.grants) && (actor.limits === null || ownsAll(actor.limits));
}

function ownsAll(grants: readonly Grant[]): boolean {
  return grants.some(({ pattern, rights }) => pattern === "*" && rights.includes("own"));
}

/** Returns whether one of the grants gives the right. */
export function gives(grants: readonly Grant[], right: Right, repository: string): boolean {
  return grants.some(
    ({ pattern, rights }) => rights.includes(right) && covers(pattern, repository),
  );
}

/**
 * Returns whether the pattern covers the repository. A repository of one component is in the namespace of its own name,
 * so `acme/*` covers `acme` as well.
 */
export function covers(pattern: string, repository: string): boolean {
  if (pattern === repository) return true;
  return matches(pattern, repository.includes("/") ? repository : `${repository}/`);
}

export function roleGrant(pattern: string, role: Role): Grant {
  return { pattern, rights: ROLE_RIGHTS[role] };
}

export function scopeGrants(scopes: readonly Scope[]): Grant[] {
  return scopes.map(({ repositories, actions }) => ({
    pattern: repositories,
    rights: [...new Set(actions.flatMap((action) => SCOPE_RIGHTS[action]))],
  }));
}

/** Makes a machine's grants, never with `own`: a credential of an hour must not be able to give lasting rights. */
export function machineGrants(scopes: readonly Scope[]): Grant[] {
  return scopeGrants(scopes).map(({ pattern, rights }) => ({
    pattern,
    rights: rights.filter((right) => right !== "own"),
  }));
}

/** Returns the patterns that the actor may pull by its own rights, without public ones. */
export function pullPatterns({ grants, limits }: Actor): PullPatterns {
  return { grants: patternsOf(grants), limits: limits === null ? null : patternsOf(limits) };
}

/** Drops patterns that another pattern covers, to keep a token short. */
function patternsOf(grants: readonly Grant[]): string[] {
  const all = exceptPublic(grants).filter(({ rights }) => rights.includes("pull"));
  const patterns = [...new Set(all.map(({ pattern }) => pattern))];
  // Above 300 patterns the comparison of each with each is too slow, and so many fit into no token anyway.
  if (patterns.length > 300 && !patterns.includes("*")) return patterns;
  if (patterns.includes("*")) return ["*"];
  return patterns.filter(
    (one) => !patterns.some((other) => other !== one && covers(other, one) && !covers(one, other)),
  );
}

/** Returns the actor to list the catalog for: a registry token's grants hold only what was asked for. */
export function catalogReader(actor: Actor, publicPull: boolean): Actor {
  const catalog = actor.token?.catalog;
  if (catalog === null || catalog === undefined) return actor;
  const { grants, limits } = catalog;
  const reader = {
    ...actor,
    grants: grants.map(pullGrant),
    limits: limits?.map(pullGrant) ?? null,
  };
  return withPublic(reader, publicPull ? ["*"] : []);
}

function pullGrant(pattern: string): Grant {
  return { pattern, rights: ["pull"] };
}

/** Returns the repositories to mount blobs from without naming one: all, or the named ones that the actor may pull. */
export function sourcesOf(actor: Actor): Sources {
  const all = actor.token === null ? may(actor, "pull", "*") : actor.token.sources === "all";
  if (all) return "all";
  return actor.grants.flatMap(({ pattern }) =>
    !pattern.includes("*") && may(actor, "pull", pattern) ? (pattern as RepositoryName) : [],
  );
}

/** Returns the subjects of users' roles in namespaces: a changed role revokes what it gave in its namespace alone. */
export function memberships(dependsOn: readonly string[], namespaces: readonly string[]): string[] {
  const users = dependsOn.filter((subject) => subject.startsWith("user:"));
  return users.flatMap((user) => [...new Set(namespaces)].map((name) => `${user}@${name}`));
}

/** The subject of the setting PUBLIC_PULL. */
export const PUBLIC_PULL = "public:*";

/** The subject of a repository that is public. */
export function publicSubject(repository: string): string {
  return `public:${repository}`;
}

function exceptPublic(grants: readonly Grant[]): Grant[] {
  return grants.filter(({ everyone }) => everyone !== true);
}

/** Returns the subject that the actor's pull right depends on where it only has that right as the public; else null. */
export function publicBasis(actor: Actor, repository: string): string | null {
  const { grants, limits } = actor;
  const alone = {
    ...actor,
    grants: exceptPublic(grants),
    limits: limits === null ? null : exceptPublic(limits),
  };
  if (!may(actor, "pull", repository) || may(alone, "pull", repository)) return null;
  const isPublic = grants.some(({ pattern, everyone }) => everyone && pattern === repository);
  return isPublic ? publicSubject(repository) : PUBLIC_PULL;
}

/** Returns the actor without the rights from these public subjects. */
export function withoutPublic(actor: Actor, subjects: readonly string[]): Actor {
  const grants = actor.grants.filter(({ pattern }) => !subjects.includes(publicSubject(pattern)));
  return { ...actor, grants };
}

/**
 * Adds pull rights on public repositories, whatever the credentials are limited to.
 * @param readAt when they were read to be public; the actor's other rights may be older
 */
export function withPublic(
  actor: Actor,
  repositories: readonly string[],
  readAt: number | null = null,
): Actor {
  if (repositories.length === 0) return actor;
  const everyone = repositories.map(publicGrant);
  const { grants, limits, grantedAt } = actor;
  return {
    ...actor,
    grants: [...grants, ...everyone],
    limits: limits === null ? null : [...limits, ...everyone],
    grantedAt: readAt === null ? grantedAt : Math.min(readAt, grantedAt ?? readAt),
  };
}

function publicGrant(pattern: string): Grant {
  return { pattern, rights: ["pull"], everyone: true };
}

/** Makes an actor without credentials; rights on public repositories are added when a request asks for them. */
export function anonymous(publicPull: boolean): Actor {
  return {
    name: null,
    via: "anonymous",
    grants: publicPull ? [publicGrant("*")] : [],
    limits: null,
    dependsOn: [],
    token: null,
    subject: null,
    expires: null,
    grantedAt: null,
  };
}
