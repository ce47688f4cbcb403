import { RegistryError } from "../../oci/errors.ts";
import type { Creation } from "../../registry/registry.ts";

/** A thing that can be edited, with the ETag to edit it by. */
export function resource(
  body: { readonly version: number },
  options: { readonly status?: 200 | 201; readonly location?: string } = {},
): Response {
  const { status = 200, location } = options;
  const headers = { etag: `"${body.version}"`, ...(location === undefined ? {} : { location }) };
  return Response.json(body, { status, headers });
}

/**
 * The version that the request wants to change (If-Match), or null for whichever there is.
 * @throws VERSION_MISMATCH for an ETag that is none of ours
 */
export function wantedVersion(request: Request): number | null {
  const header = request.headers.get("if-match")?.trim();
  if (header === undefined || header === "*") return null;
  const version = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (version === undefined) throw new RegistryError("VERSION_MISMATCH");
  return Number(version);
}

export function noContent(): Response {
  return new Response(null, { status: 204 });
}

/** @throws CONFLICT or NOT_FOUND, unless the thing was made */
export function requireCreated(creation: Creation, what: string): void {
  switch (creation) {
    case "created":
      return;
    case "exists":
      throw new RegistryError("CONFLICT", { message: `${what} exists already` });
    case "full":
      throw new RegistryError("CONFLICT", {
        message: `there are as many of them as there may be; delete one before you make ${what}`,
      });
    case "orphan":
      throw new RegistryError("NOT_FOUND");
  }
}

/** A change that would change nothing is a mistake: a field was forgotten. @throws FIELD_INVALID */
export function requireChange(change: Readonly<Record<string, unknown>>): void {
  if (Object.values(change).some((value) => value !== undefined)) return;
  throw new RegistryError("FIELD_INVALID", { message: "the body names nothing to change" });
}

/** Milliseconds since 1970 as RFC 3339 has it. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
