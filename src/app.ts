import type { Actor } from "./auth/policy/access.ts";
import { authenticate } from "./auth/login/authenticate.ts";
import { authorize, isAllowed, scopeOf } from "./auth/policy/authorize.ts";
import type { AuthTarget, AuthContext } from "./auth/context.ts";
import { bySession } from "./auth/sign-in/session.ts";
import { sessionSecret } from "./auth/sign-in/origin.ts";
import { addPublic } from "./auth/login/login.ts";
import { LoginFailed } from "./auth/login/login-failed.ts";
import { clearLoginCache } from "./auth/login/cache.ts";
import type { Defer } from "./defer.ts";
import { type Env, readSettings } from "./settings.ts";
import type { Refusal } from "./events/budget.ts";
import { kick } from "./events/kick.ts";
import { countPull, noteLook, noteUse } from "./events/pull-counter.ts";
import { reportRefusal } from "./events/refusal-reporter.ts";
import { bind, type Context, type Params, type Usage } from "./http/context.ts";
import { errorResponse, problemResponse } from "./http/error-response.ts";
import { contentLength, log } from "./http/log.ts";
import { asRefusal } from "./http/outage.ts";
import { addCommonHeaders } from "./http/response-headers.ts";
import { targetOf } from "./http/target.ts";
import { requireTls } from "./http/tls.ts";
import { dropUnread } from "./http/unread.ts";
import { isRefusal, RegistryError } from "./oci/errors.ts";
import { identitiesOf, registryOf } from "./isolate.ts";
import { matchRoute } from "./match.ts";
import { surfaceOf } from "./routes.ts";
import { addressOf, RequestAuthContext, type Run } from "./auth-context.ts";
import type { Route } from "./http/route.ts";
import { memoryUse } from "./memory/isolate.ts";
import { network } from "./network.ts";
import { type AuditEntry, auditEvent, type Initiator } from "./db/audit.ts";

const RESPONSES = { oci: errorResponse, problem: problemResponse };

/** Collects what the log line of a request needs, while the request is handled. */
interface Trace {
  route: Route | null;
  params: Partial<Params>;
  actor: Actor | null;
  error: unknown;
}

/** Handles one request, from the socket to the log line. Never rejects. */
export async function handle(request: Request, env: Env, defer: Defer): Promise<Response> {
  const began = Date.now();
  const { url, isNamed, fault } = targetOf(request);
  const requestId = crypto.randomUUID();
  const trace: Trace = { route: null, params: {}, actor: null, error: null };
  const run = { request, url, isNamed, env, requestId, defer };
  const answered = fault === null ? respond(run, trace) : Promise.reject(fault);
  const response = await answered.catch((thrown: unknown) => {
    const error = asRefusal(thrown);
    trace.error = error;
    return RESPONSES[surfaceOf(url)](error);
  });
  if (mayHaveChanged(trace.route, response)) clearLoginCache(identitiesOf(env));
  if (mayHaveEvents(trace.route, response)) kick(env.EVENTS, defer);
  if (request.body !== null) {
    await dropUnread(request, trace.actor?.name ? "known" : "stranger");
  }
  addCommonHeaders(response, url, requestId);
  if (isLogged(request, response, env)) {
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
      peakBuffers: memoryUse().peakBodies,
      ...errorField(trace.error),
    });
  }
  for (const refusal of refusalsOf(run, trace)) {
    defer(reportRefusal(refusal, { queue: env.EVENTS, limit: env.DENIED_LIMIT, defer }));
  }
  return response;
}

async function respond(run: Run, trace: Trace): Promise<Response> {
  const { request, url, env, defer } = run;
  const settings = readSettings(env);
  const auth = new RequestAuthContext(run, settings);
  const { route, params: raw } = matchRoute(request, url);
  trace.route = route;
  trace.params = bind(raw);
  requireTls(request, url, route);
  const { name, namespace } = trace.params;
  const target = name ?? (namespace === undefined ? null : `${namespace}/`);
  const wanted: AuthTarget = {
    repositories: name === undefined ? [] : [name],
    ...(namespace === undefined ? {} : { namespace }),
    scope: scopeOf(route.access, target),
    isSufficient:
      route.login === "cached" ? (actor) => isAllowed(actor, route.access, target) : null,
  };
  const isChecked = route.login === "cached" || route.login === "fresh";
  const header = isChecked ? request.headers.get("authorization") : null;
  const secret = sessionSecret(request.headers, url.origin, route.cookie);
  if (secret === null) {
    trace.actor = await authenticate(header, auth, wanted, route);
    if (header === null && route.asksPublic) {
      trace.actor = await addPublic(trace.actor, auth, wanted);
    }
  } else {
    trace.actor = await bySession(secret, auth, wanted, route.cookie);
  }
  enforceAccess(trace.actor, { request, route, target }, auth);
  // The cast is safe: `route` in http/route.ts checks that a handler takes only parameters that its path has.
  const params = trace.params as Params;
  const context: Context<keyof Params> = {
    request,
    url,
    params,
    actor: trace.actor,
    // A getter: most pulls never need these values, which have to be read from the headers.
    get initiator() {
      return initiatorOf(run, trace.actor);
    },
    auth,
    settings,
    registry: registryOf(env),
    assets: env.ASSETS,
    defer,
    usage: usageOf(run, trace.actor),
    takeSearch: async () => {
      const key = trace.actor?.name ?? network(addressOf(request));
      return (await env.SEARCH_LIMIT.limit({ key })).success;
    },
    takePush: async () => (await env.PUSH_LIMIT.limit({ key: trace.actor?.name ?? "" })).success,
  };
  return route.handler(context);
}

/** Authorises the request. A denied HEAD is told what the route says. */
function enforceAccess(
  actor: Actor,
  { request, route, target }: { request: Request; route: Route; target: string | null },
  auth: AuthContext,
): void {
  try {
    authorize(actor, route.access, target, auth);
  } catch (error) {
    const isDenied = isRefusal(error, "DENIED");
    if (!isDenied || request.method !== "HEAD" || route.deniedHead === "DENIED") throw error;
    throw new RegistryError(route.deniedHead, { cause: error });
  }
}

/**
 * Returns whether rights may have changed, so that the login cache has to be cleared. A 5xx counts as well: the change
 * may have been made before the failure.
 */
function mayHaveChanged(route: Route | null, { status }: Response): boolean {
  const isRefused = status >= 400 && status < 500;
  return route !== null && route.changesRights && !isRefused;
}

/** Returns whether the request may have recorded a change, which is then handed on to the subscribers of events. */
function mayHaveEvents(route: Route | null, { ok, status }: Response): boolean {
  if (!ok || route === null) return false;
  return route.records === "changes" || (route.records === "creations" && status === 201);
}

/**
 * Returns whether the request gets a log line. LOG_READS=false leaves out reads that succeed: a registry with millions
 * of pulls may want lines of failures and changes alone.
 */
function isLogged(request: Request, { status }: Response, env: Env): boolean {
  // The settings are read last: where they cannot be read, the status is 500, and that failure is logged.
  return !isRead(request) || status >= 400 || readSettings(env).logReads;
}

function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function initiatorOf({ request, requestId }: Run, actor: Actor | null): Initiator {
  return {
    actor: actor?.name ?? null,
    subject: actor?.subject ?? null,
    via: actor?.via ?? "anonymous",
    address: addressOf(request),
    agent: request.headers.get("user-agent"),
    requestId,
  };
}

/**
 * Returns the refusals that go to the audit log. An ID token that no trust rule accepted is recorded in each namespace
 * whose rules it was compared with.
 */
function refusalsOf(run: Run, trace: Trace): Refusal[] {
  const { error } = trace;
  if (!(error instanceof LoginFailed) || !error.workload?.records.length) {
    return [refusalOf(run, trace) ?? []].flat();
  }
  const { subject, records } = error.workload;
  const initiator = { ...initiatorOf(run, null), actor: error.user, via: "oidc", subject };
  return records.map(({ isOwn, ...record }) => {
    const event = auditEvent(initiator, { action: "login", ...record }, "failed");
    return { of: isOwn ? "own token" : "foreign token", event };
  });
}

function usageOf({ request, env, defer }: Run, { name, via }: Actor): Usage {
  // A scanner's pulls are no use: each scan would keep an image in use that nobody needs.
  if (via === "scanner") return { read: () => {}, look: () => {}, pull: () => {} };
  // Clients that share an account and a network count as one client.
  const client = () => `${name ?? ""} ${network(addressOf(request))}`;
  return {
    read: (blob) => noteUse(env.EVENTS, blob, defer),
    look: (manifest) => noteLook(env.EVENTS, { ...manifest, client: client() }, defer),
    pull: (manifest) => countPull(env.EVENTS, { ...manifest, client: client() }, defer),
  };
}

/**
 * Returns the audit entry of a refusal, or null. Failed logins and denied requests are recorded; a 401 that only asks
 * for a login is not.
 */
function refusalOf(run: Run, { route, params, actor, error }: Trace): Refusal | null {
  if (!(error instanceof RegistryError)) return null;
  const initiator = initiatorOf(run, actor);
  if (error instanceof LoginFailed) {
    if (error.tried === null) return null;
    const entry: AuditEntry = { action: "login", detail: error.failure };
    const event = auditEvent({ ...initiator, actor: error.user }, entry, "failed");
    return { of: isRefusal(error, "TOO_MANY_REQUESTS") ? "wait" : error.tried, event };
  }
  // A denied HEAD was answered with 404, whose cause is the denial (see `enforceAccess`).
  const denial = error.cause instanceof RegistryError ? error.cause : error;
  if (!isRefusal(denial, "DENIED", "QUOTA_EXCEEDED") || route === null) return null;
  const { name, namespace, digest } = params;
  const entry: AuditEntry = {
    action: `${route.method} ${route.path}`,
    ...(name === undefined ? {} : { repository: name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(digest === undefined ? {} : { digest }),
    detail: denial.message,
  };
  return { of: "denial", event: auditEvent(initiator, entry, "denied") };
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
