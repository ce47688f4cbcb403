import { RegistryError } from "../oci/errors.ts";
import { REMEMBERED_MS } from "../registry/readiness.ts";
import type { Context } from "../http/context.ts";

/** Answers people, and load balancers that check "/" by default. */
export function root(): Response {
  return text(
    "Slipway, a container registry: docker login, push and pull. Its API is described at /api/v1/openapi.json.\n",
  );
}

/** Answers HAProxy's default health check. */
export function options(): Response {
  return new Response(null, { status: 204, headers: { allow: "GET, HEAD, OPTIONS" } });
}

/** Answers while the Worker runs. It calls no other service: a failing one must take no instance out of service. */
export function live(): Response {
  return text("ok\n");
}

/** Checks that every service the registry needs answers. @throws UNAVAILABLE, which names the part that does not */
export async function ready({ registry }: Context): Promise<Response> {
  const parts = await registry.readiness.check();
  const failed = Object.entries(parts).flatMap(([part, isThere]) => (isThere ? [] : part));
  if (failed.length === 0) return Response.json({ status: "ready", parts: shown(parts) });
  throw new RegistryError("UNAVAILABLE", {
    message: `not ready: no answer from ${failed.join(", ")}`,
    detail: shown(parts),
    headers: { "retry-after": String(REMEMBERED_MS / 1000) },
  });
}

function shown(parts: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parts).map(([part, isThere]) => [part, isThere ? "ok" : "failed"]),
  );
}

function text(body: string): Response {
  return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8" } });
}
