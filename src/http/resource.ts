import { RegistryError } from "../oci/errors.ts";
import type { Creation } from "../db/change.ts";

/** Answers with an editable resource and its ETag. */
export function resource(
  body: { readonly version: number },
  options: { readonly status?: 200 | 201; readonly location?: string } = {},
): Response {
  const { status = 200, location } = options;
  const headers = { etag: `"${body.version}"`, ...(location === undefined ? {} : { location }) };
  return Response.json(body, { status, headers });
}

/**
 * A version that no resource has; the first is 1. A change of it matches nothing, and the caller then tells whether the
 * resource exists: 404 goes before 412 (RFC 9110 § 13.2.1).
 */
const NO_VERSION = 0;

/**
 * Reads which version the request wants to change (RFC 9110 § 13.1.1, § 13.1.2); null for any.
 * @param find reads the resource: called only when the request lists several versions, or versions that it excludes
 */
export async function wantedVersion(
  { headers }: Request,
  find: () => Promise<{ readonly version: number } | null>,
): Promise<number | null> {
  const match = headers.get("if-match")?.trim() ?? "*";
  const noneMatch = headers.get("if-none-match")?.trim();
  if (noneMatch === "*") return NO_VERSION;
  const versions = tagsOf(match).flatMap(versionOf);
  if (noneMatch === undefined && match === "*") return null;
  if (noneMatch === undefined && versions.length <= 1) return versions[0] ?? NO_VERSION;
  // The conditions hold for this version alone, so the change is made to this version or not at all.
  const version = (await find())?.version ?? NO_VERSION;
  const isWanted = match === "*" || versions.includes(version);
  return isWanted && !lists(noneMatch ?? "", version) ? version : NO_VERSION;
}

/**
 * Answers a GET of an editable resource; with 304 if the client has this version (RFC 9110 § 13.1.2).
 * @param shows "more" when the body also has fields that change without the version: then only `*` gives a 304
 */
export function found(
  { headers }: Request,
  body: { readonly version: number },
  shows: "version" | "more" = "version",
): Response {
  const noneMatch = headers.get("if-none-match")?.trim() ?? "";
  const isKnown = noneMatch === "*" || (shows === "version" && lists(noneMatch, body.version));
  if (!isKnown) return resource(body);
  return new Response(null, { status: 304, headers: { etag: `"${body.version}"` } });
}

/** Returns whether the header lists the version, by weak comparison: a proxy may have weakened the tag. */
function lists(header: string, version: number): boolean {
  return tagsOf(header).some((tag) => tag.replace(/^W\//, "") === `"${version}"`);
}

/** Splits a list of entity tags (RFC 9110 § 8.8.3); malformed ones are ignored. */
function tagsOf(header: string): string[] {
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

/** Reads a version by strong comparison, octet by octet: `W/"1"` and `"01"` are not version 1. */
function versionOf(tag: string): number[] {
  return /^"[1-9]\d{0,14}"$/.test(tag) ? [Number(tag.slice(1, -1))] : [];
}

/** @throws CONFLICT or NOT_FOUND, unless the resource was created */
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

/** Refuses a change without fields: the client forgot them. @throws FIELD_INVALID */
export function requireChange(change: Readonly<Record<string, unknown>>): void {
  if (Object.values(change).some((value) => value !== undefined)) return;
  throw new RegistryError("FIELD_INVALID", { message: "the body names nothing to change" });
}

interface Account {
  readonly disabledAt: number | null;
  readonly disabledBy: string | null;
}

/** Makes the fields that say whether an account is disabled, since when, and by whom. */
export function disabledView({ disabledAt, disabledBy }: Account) {
  const since = disabledAt === null ? null : timestamp(disabledAt);
  return { disabled: since !== null, disabledAt: since, disabledBy };
}

/** Formats milliseconds since 1970 as in RFC 3339. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Formats a manifest's description for JSON: no artifact type is null, not "". */
export function contentJson<T extends { readonly artifactType: string }>(content: T) {
  return { ...content, artifactType: content.artifactType === "" ? null : content.artifactType };
}
