import { Router } from "itty-router";
import { RegistryError } from "./oci/errors.ts";
import type { Method, Route } from "./http/route.ts";
import { ROUTES } from "./routes.ts";

interface CompiledRoute {
  /** The regular expression that itty-router makes of the route's path. */
  readonly pattern: RegExp;
  readonly route: Route;
}

interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

const routes = compileRoutes();

/** Compiles the table's patterns, once, and groups them by the methods that they answer. */
function compileRoutes(): ReadonlyMap<string, readonly CompiledRoute[]> {
  const compiled = new Map<string, CompiledRoute[]>();
  for (const route of ROUTES) {
    const { routes: made } = Router()[methodName(route.method)](route.path, () => {});
    for (const method of route.method === "GET" ? ["GET", "HEAD"] : [route.method]) {
      const others = compiled.get(method) ?? [];
      compiled.set(method, others);
      others.push(...made.map(([, pattern]) => ({ pattern, route })));
    }
  }
  return compiled;
}

/** @throws ROUTE_UNKNOWN, or METHOD_UNSUPPORTED when the path is known with other methods */
export function matchRoute({ method }: Request, { pathname }: URL): Match {
  for (const { pattern, route } of routes.get(method) ?? []) {
    const params = paramsOf(pattern, pathname);
    if (params !== null) return { route, params };
  }
  const methods = [...routes].flatMap(([other, compiled]) =>
    compiled.some(({ pattern }) => paramsOf(pattern, pathname) !== null) ? other : [],
  );
  if (methods.length === 0) throw new RegistryError("ROUTE_UNKNOWN");
  throw new RegistryError("METHOD_UNSUPPORTED", { headers: { allow: methods.join(", ") } });
}

/** Paths of the management API below one repository: "-" separates the repository's name from the rest. */
const BELOW_REPOSITORY = /^\/api\/.*\/-(?:\/|$)/;

/**
 * Returns the path's parameters, or null where the pattern does not fit. Two matches are refused, since nothing can
 * have such a digest or name: `/blobs/uploads` looks like a blob's path, and `app/-/tags` like a repository's name.
 */
function paramsOf(pattern: RegExp, pathname: string): Match["params"] | null {
  const match = pattern.exec(pathname);
  if (match === null || match.groups?.["digest"] === "uploads") return null;
  const { name } = match.groups ?? {};
  if (name !== undefined && BELOW_REPOSITORY.test(pathname) && /(?:^|\/)-(?:\/|$)/.test(name)) {
    return null;
  }
  return match.groups ?? {};
}

function methodName(method: Method): Lowercase<Method> {
  return method.toLowerCase() as Lowercase<Method>;
}
