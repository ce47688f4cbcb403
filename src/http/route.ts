import type { Access } from "../auth/policy/access.ts";
import type { CookieUse } from "../auth/sign-in/origin.ts";
import type { TokenRequirements } from "../auth/login/authenticate.ts";
import type { Context, Params } from "./context.ts";

export type Method = "GET" | "OPTIONS" | "POST" | "PATCH" | "PUT" | "DELETE";

/** What a route needs of the pipeline in app.ts, beyond its access. */
export interface Needs extends TokenRequirements {
  /**
   * What the Authorization header is for. "cached" accepts a login that was checked a moment ago if it is sufficient,
   * "fresh" asks the database each time, "own" leaves the header to the handler, and "none" has no use for one.
   */
  readonly login: "cached" | "fresh" | "own" | "none";
  /** What a session's cookie is for; only the management API heeds it. */
  readonly cookie: CookieUse;
  /** Whether a caller without credentials has the rights on what is public, by a query; registry tokens have them. */
  readonly asksPublic: boolean;
  /** What a denied HEAD is told: that it is denied, or that there is no such blob. */
  readonly deniedHead: "DENIED" | "BLOB_UNKNOWN";
  /** Whether a change by this route may change rights, so that the login cache is cleared. */
  readonly changesRights: boolean;
  /** What of this route is recorded as an event: nothing, only what answers 201, or every success. */
  readonly records: "nothing" | "creations" | "changes";
}

export interface Route extends Needs {
  /** The endpoint's id in the OCI distribution spec, or a name of ours. */
  readonly id: string;
  readonly method: Method;
  /**
   * itty-router's pattern; `:name+` takes as many segments as it can, so the last `/blobs/` or `/manifests/` counts.
   */
  readonly path: string;
  readonly access: Access;
  readonly handler: (context: Context<keyof Params>) => Response | Promise<Response>;
}

/** The names of a pattern's parameters: "/v2/:name+/blobs/:digest" has "name" | "digest". */
export type ParamsIn<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Plain<Name> | ParamsIn<Rest>
  : Path extends `${string}:${infer Name}`
    ? Plain<Name>
    : never;
type Plain<Name extends string> = Name extends `${infer Letters}+` ? Letters : Name;

/**
 * Makes a route with what most routes of its access need; a table of routes changes the rest. The types allow its
 * handler only the parameters in its path.
 */
export function route<const Path extends string>(
  id: string,
  endpoint: `${Method} ${Path}`,
  access: Access,
  handler: (context: Context<ParamsIn<Path> & keyof Params>) => Response | Promise<Response>,
): Route {
  const [method, path] = endpoint.split(" ") as [Method, Path];
  return { id, method, path, access, handler, ...needsOf(method, access) };
}

function needsOf(method: Method, access: Access): Needs {
  return {
    // A pull does not wait for the newest revocations.
    revocation: access === "pull" ? "recent" : "fresh",
    expired: "refused",
    // Rights may have changed since a cached login, so only reads take one; the catalog lists what they cover.
    login:
      access === "none" ? "none" : method === "GET" && access !== "catalog" ? "cached" : "fresh",
    cookie: "is ignored",
    asksPublic: false,
    deniedHead: "DENIED",
    changesRights: false,
    records: method === "GET" || method === "OPTIONS" ? "nothing" : "changes",
  };
}
