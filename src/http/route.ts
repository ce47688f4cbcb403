import type { Access } from "../auth/policy/access.ts";
import type { Context, Params } from "./context.ts";

export type Method = "GET" | "OPTIONS" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface Route {
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
type ParamsIn<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Plain<Name> | ParamsIn<Rest>
  : Path extends `${string}:${infer Name}`
    ? Plain<Name>
    : never;
type Plain<Name extends string> = Name extends `${infer Letters}+` ? Letters : Name;

/** Makes a route. The types allow its handler only the parameters in its path. */
export function route<const Path extends string>(
  id: string,
  endpoint: `${Method} ${Path}`,
  access: Access,
  handler: (context: Context<ParamsIn<Path> & keyof Params>) => Response | Promise<Response>,
): Route {
  const [method, path] = endpoint.split(" ") as [Method, Path];
  return { id, method, path, access, handler };
}
