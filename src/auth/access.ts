import type { RepositoryName, Sources } from "../oci/reference.ts";

/** What a route needs of its repository; the names are those of the token protocol's scopes. */
export const ACTIONS = ["pull", "push", "delete"] as const;
export type Action = (typeof ACTIONS)[number];

/** What a route needs: nothing, to be someone, an action on the repository in its path, or to list them all. */
export type Access = "none" | "login" | "catalog" | Action;

/** Actions on one repository, or on all ("*"). */
export interface Grant {
  readonly repository: RepositoryName | "*";
  readonly actions: readonly Action[];
}

/** Who is asking, and what for. */
export interface Actor {
  /** null for someone who gave no credentials. */
  readonly name: string | null;
  /** A token is limited to its scopes, so another one may allow more; a password is not. */
  readonly via: "anonymous" | "password" | "token";
  readonly grants: readonly Grant[];
  readonly catalog: boolean;
  /** The repositories that blobs may be taken from, beyond those that the grants name. */
  readonly sources: "all" | "granted";
}

/** The whole policy: there is no right without a grant that gives it. */
export function may(actor: Actor, action: Action, repository: RepositoryName): boolean {
  return actor.grants.some(
    (grant) =>
      (grant.repository === "*" || grant.repository === repository) &&
      grant.actions.includes(action),
  );
}

/** Where the actor may take blobs from: what it may pull. */
export function sourcesOf(actor: Actor): Sources {
  const pullable = actor.grants.filter(({ actions }) => actions.includes("pull"));
  if (actor.sources === "all" || pullable.some(({ repository }) => repository === "*"))
    return "all";
  return pullable.flatMap(({ repository }) => (repository === "*" ? [] : repository));
}

/** What holds for everyone, logged in or not. */
export function anonymous(publicPull: boolean): Actor {
  const grants: Grant[] = publicPull ? [{ repository: "*", actions: ["pull"] }] : [];
  return { name: null, via: "anonymous", grants, catalog: false, sources: "granted" };
}

export const ADMIN: Actor = {
  name: "admin",
  via: "password",
  grants: [{ repository: "*", actions: ACTIONS }],
  catalog: true,
  sources: "all",
};
