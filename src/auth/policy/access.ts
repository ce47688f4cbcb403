import type { RepositoryName, Sources } from "../../oci/reference.ts";
import { matches } from "../../oci/glob.ts";

/** What a route needs of the repository in its path; the names are those of the token protocol's scopes. */
export const ACTIONS = ["pull", "push", "delete"] as const;
export type Action = (typeof ACTIONS)[number];

/** `maintain`: visibility, description, deletion of the repository; `own`: who may do what in a namespace. */
export type Right = Action | "maintain" | "own";

export const ROLES = ["reader", "writer", "maintainer", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** Each role may do what the one before it may. */
const ROLE_RIGHTS: Record<Role, readonly Right[]> = {
  reader: ["pull"],
  writer: ["pull", "push"],
  maintainer: ["pull", "push", "delete", "maintain"],
  owner: ["pull", "push", "delete", "maintain", "own"],
};

/** What credentials can be limited to. */
export const SCOPE_ACTIONS = ["pull", "push", "delete", "admin"] as const;
export type ScopeAction = (typeof SCOPE_ACTIONS)[number];

/** Clients look before they push and read before they delete, so both include pull. */
const SCOPE_RIGHTS: Record<ScopeAction, readonly Right[]> = {
  pull: ["pull"],
  push: ["pull", "push"],
  delete: ["pull", "delete"],
  admin: ROLE_RIGHTS.owner,
};

/** What a token, a robot or a trust rule is for. */
export interface Scope {
  /** A glob over repository names. */
  readonly repositories: string;
  readonly actions: readonly ScopeAction[];
}

/** Rights on the repositories that a glob names. */
export interface Grant {
  readonly pattern: string;
  readonly rights: readonly Right[];
  /** Whether everyone has them: what is public. */
  readonly everyone?: true;
}

/** What a route needs: nothing, credentials of any kind (everyone's token too), to be someone, to be an administrator, or a right on the repository or namespace in its path. */
export type Access = "none" | "token" | "login" | "catalog" | "administer" | Right;

/** The scope of the catalog; no repository has such a name. */
export const CATALOG = "registry:catalog:*";

/** How somebody proved who they are. */
export const VIAS = ["anonymous", "password", "token", "robot", "oidc"] as const;
export type Via = (typeof VIAS)[number];

export interface PullPatterns {
  readonly grants: readonly string[];
  readonly limits: readonly string[] | null;
}

/** A registry token is limited to what was asked for, so another one may allow more. */
export interface TokenClaims {
  /** What was asked for in vain: asking again is of no use. */
  readonly refused: readonly Grant[];
  /** Whose repositories the catalog shows by it: the patterns that give pull, and those that limit them; null for no catalog. */
  readonly catalog: PullPatterns | null;
  /** The repositories that blobs may be taken from, beyond those that the grants name. */
  readonly sources: "all" | "granted";
}

/** Who is asking, and what for. */
export interface Actor {
  /** null for someone who gave no credentials. */
  readonly name: string | null;
  readonly via: Via;
  /** What the actor may do by its roles or scopes. */
  readonly grants: readonly Grant[];
  /** What the credentials it came with are limited to; null for no limit. */
  readonly limits: readonly Grant[] | null;
  /** What must not be revoked for the actor to go on, as `revoke` in db/identities.ts names it. */
  readonly dependsOn: readonly string[];
  /** What a registry token says beyond its grants; null for someone who came with credentials, or without. */
  readonly token: TokenClaims | null;
  /** For the audit log: of a workload the subject of its ID token, else the token's id; null for a password. */
  readonly subject: string | null;
  /** When the credentials end, in seconds since 1970; null for never. */
  readonly expires: number | null;
  /** As of when the actor has its rights, in milliseconds since 1970: revocations from before are in them. null: nobody's. */
  readonly grantedAt: number | null;
}

/**
 * The whole policy: there is no right without a grant that gives it.
 * @param repository or a namespace as `acme/`: rights on it are those on everything that it can hold
 */
export function may(actor: Actor, right: Right, repository: string): boolean {
  return (
    gives(actor.grants, right, repository) &&
    (actor.limits === null || gives(actor.limits, right, repository))
  );
}

/** Who owns everything is an administrator. */
export function isAdministrator(actor: Actor): boolean {
  return ownsAll(actor.grants) && (actor.limits === null || ownsAll(actor.limits));
}

function ownsAll(grants: readonly Grant[]): boolean {
  return grants.some(({ pattern, rights }) => pattern === "*" && rights.includes("own"));
}

/** Does one of the grants give the right? */
export function gives(grants: readonly Grant[], right: Right, repository: string): boolean {
  return grants.some(
    ({ pattern, rights }) => rights.includes(right) && covers(pattern, repository),
  );
}

/** A repository of one component is in the namespace of its own name, so `acme/*` covers `acme` as well. */
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

/** A machine never decides who may do what: what holds for an hour must not make what holds for ever. */
export function machineGrants(scopes: readonly Scope[]): Grant[] {
  return scopeGrants(scopes).map(({ pattern, rights }) => ({
    pattern,
    rights: rights.filter((right) => right !== "own"),
  }));
}

/** What the actor may pull by its own rights, whoever may besides. */
export function pullPatterns({ grants, limits }: Actor): PullPatterns {
  return { grants: patternsOf(grants), limits: limits === null ? null : patternsOf(limits) };
}

/** Without those that another one covers, as a token has to hold them. */
function patternsOf(grants: readonly Grant[]): string[] {
  const all = exceptPublic(grants).filter(({ rights }) => rights.includes("pull"));
  const patterns = [...new Set(all.map(({ pattern }) => pattern))];
  // Each is compared with each; so many fit into no token anyway.
  if (patterns.length > 300 && !patterns.includes("*")) return patterns;
  if (patterns.includes("*")) return ["*"];
  return patterns.filter(
    (one) => !patterns.some((other) => other !== one && covers(other, one) && !covers(one, other)),
  );
}

/** Who the catalog is for: a registry token's grants are only what it was asked for. */
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

/** Where the actor may take blobs from without saying where: all repositories, or those that it may pull and that are named. */
export function sourcesOf(actor: Actor): Sources {
  const all = actor.token === null ? may(actor, "pull", "*") : actor.token.sources === "all";
  if (all) return "all";
  return actor.grants.flatMap(({ pattern }) =>
    !pattern.includes("*") && may(actor, "pull", pattern) ? (pattern as RepositoryName) : [],
  );
}

/** What the roles of the users among the subjects rest on: a change of one ends what it gave in its namespace, and nowhere else. */
export function memberships(dependsOn: readonly string[], namespaces: readonly string[]): string[] {
  const users = dependsOn.filter((subject) => subject.startsWith("user:"));
  return users.flatMap((user) => [...new Set(namespaces)].map((name) => `${user}@${name}`));
}

/** The setting PUBLIC_PULL, as what a right rests on. */
export const PUBLIC_PULL = "public:*";

/** That a repository is public, as what a right rests on. */
export function publicSubject(repository: string): string {
  return `public:${repository}`;
}

function exceptPublic(grants: readonly Grant[]): Grant[] {
  return grants.filter(({ everyone }) => everyone !== true);
}

/** What the actor's right to pull from the repository rests on where it has none of its own; else null. */
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

/** The actor without what rested on these being public. */
export function withoutPublic(actor: Actor, subjects: readonly string[]): Actor {
  const grants = actor.grants.filter(({ pattern }) => !subjects.includes(publicSubject(pattern)));
  return { ...actor, grants };
}

/**
 * What is public, everyone may pull, whatever their credentials are limited to.
 * @param readAt as of when it is; what the actor has besides may be older
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

/** Someone without credentials; what is public is added to its grants where a request asks for it. */
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
