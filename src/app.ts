import { type IRequestStrict, Router } from "itty-router";
import type { Actor } from "./auth/access.ts";
import { authenticate, type Realm } from "./auth/authenticate.ts";
import { authorize, scopeOf } from "./auth/authorize.ts";
import { type Env, readSettings, type Settings } from "./env.ts";
import { bind, type Context, type Params } from "./http/context.ts";
import { errorResponse } from "./http/error-response.ts";
import { contentLength, log } from "./http/log.ts";
import { RegistryError } from "./oci/errors.ts";
import { createRegistry } from "./registry/registry.ts";
import { type Method, type Route, ROUTES } from "./routes.ts";
import { bufferUse } from "./session/parts.ts";

interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** What is known of a request when it ends, for the log. */
interface Trace {
  route: Route | null;
  params: Partial<Params>;
  actor: Actor | null;
  error: unknown;
}

const router = createRouter();

/** One request, from the socket to the log line. Never rejects. */
export async function handle(request: Request, env: Env): Promise<Response> {
  const began = Date.now();
  const trace: Trace = { route: null, params: {}, actor: null, error: null };
  const response = await respond(request, env, trace).catch((error: unknown) => {
    trace.error = error;
    return errorResponse(error);
  });
  const requestId = crypto.randomUUID();
  response.headers.set("x-request-id", requestId);
  // What does not say otherwise may change at any moment: lists, an upload's state, that something is not there.
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  response.headers.set("docker-distribution-api-version", "registry/2.0");
  log({
    requestId,
    method: request.method,
    route: trace.route?.path ?? null,
    repository: trace.params.name ?? null,
    actor: trace.actor?.name ?? null,
    status: response.status,
    bytesIn: contentLength(request.headers),
    bytesOut: contentLength(response.headers),
    duration: Date.now() - began,
    peakBuffers: bufferUse().peak,
    ...errorField(trace.error),
  });
  return response;
}

async function respond(request: Request, env: Env, trace: Trace): Promise<Response> {
  const url = new URL(request.url);
  const settings = readSettings(env);
  const realm = realmOf(url, settings);
  const match = await matchRoute(request, url);
  trace.route = match.route;
  trace.params = bind(match.params);
  const scope = scopeOf(match.route.access, trace.params.name);
  // The token service's own requests carry the credentials that it checks itself.
  const header = match.route.access === "none" ? null : request.headers.get("authorization");
  trace.actor = await authenticate(header, realm, scope);
  authorize(trace.actor, match.route.access, trace.params.name, realm);
  const registry = createRegistry(env, settings);
  // The route's path has the parameters that its handler takes: `route` in routes.ts sees to it.
  const params = trace.params as Params;
  const context: Context<keyof Params> = {
    request,
    url,
    params,
    actor: trace.actor,
    realm,
    settings,
    registry,
  };
  return match.route.handler(context);
}

function createRouter() {
  const created = Router<IRequestStrict>();
  for (const route of ROUTES) {
    const found = ({ params }: IRequestStrict) =>
      isUploads(params) ? undefined : { route, params };
    if (route.method === "GET") created.head(route.path, found);
    created[methodName(route.method)](route.path, found);
  }
  return created;
}

/** `/blobs/uploads` looks like a blob's path, but no blob has that digest. */
function isUploads({ digest }: Readonly<Record<string, string>>): boolean {
  return digest === "uploads";
}

/** @throws ROUTE_UNKNOWN, or METHOD_UNSUPPORTED when the path is known with other methods */
async function matchRoute(request: Request, url: URL): Promise<Match> {
  const match: Match | undefined = await router.fetch(request);
  if (match !== undefined) return match;
  const methods = router.routes.flatMap(([method, path]) => {
    const found = path.exec(url.pathname);
    return found === null || isUploads(found.groups ?? {}) ? [] : method;
  });
  if (methods.length === 0) throw new RegistryError("ROUTE_UNKNOWN");
  throw new RegistryError("METHOD_UNSUPPORTED", {
    headers: { allow: [...new Set(methods)].join(", ") },
  });
}

function realmOf(url: URL, settings: Settings): Realm {
  return {
    service: url.host,
    url: `${url.origin}/token`,
    key: settings.tokenKey,
    adminPassword: settings.adminPassword,
    publicPull: settings.publicPull,
  };
}

function errorField(error: unknown): { error?: string } {
  if (error === null) return {};
  if (error instanceof RegistryError) {
    const cause =
      error.status >= 500 && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return { error: error.code + cause };
  }
  return {
    error: error instanceof Error ? (error.stack ?? error.message) : "not an Error was thrown",
  };
}

function methodName(method: Method): Lowercase<Method> {
  return method.toLowerCase() as Lowercase<Method>;
}
