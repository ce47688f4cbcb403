/** What a request to the proxy is about: its path is parsed once, here. */

/** A request that brings bytes of a blob, or ends an upload. */
export interface UploadTarget {
  /** Path and query of the session, without a digest; null for a POST, which has none yet. */
  readonly location: string | null;
  /** The path to begin a session at. */
  readonly start: string;
  readonly digest: string | null;
  /** The offset that the Location was given out for, where it says so. */
  readonly offset: number | null;
}

const UPLOADS = /^\/v2\/(?<name>.+)\/blobs\/uploads(?:\/(?<session>[^/]*))?$/;
const IN_REPOSITORY = /^\/v2\/(?<name>.+?)\/(?:blobs|manifests|tags|referrers)\//;

/** @returns null for whatever is passed on as it is */
export function uploadTarget(method: string, path: string): UploadTarget | null {
  if (method !== "PATCH" && method !== "PUT" && method !== "POST") return null;
  const { pathname, searchParams } = new URL(path, "http://proxy");
  const groups = UPLOADS.exec(pathname)?.groups;
  if (groups === undefined) return null;
  const { name = "", session = "" } = groups;
  // Some clients append the digest twice; the last one counts.
  const digest = searchParams.getAll("digest").at(-1) ?? null;
  const isMount = searchParams.has("mount");
  if (method === "POST" && isMount) return null;
  // Without a digest nothing ends; the registry says so.
  if (method !== "PATCH" && digest === null) return null;
  if (method !== "POST" && session === "") return null;
  searchParams.delete("digest");
  const offset = searchParams.get("_offset");
  const query = searchParams.size === 0 ? "" : `?${searchParams.toString()}`;
  return {
    location: method === "POST" ? null : pathname + query,
    start: `/v2/${name}/blobs/uploads/${startQuery(digest)}`,
    digest: method === "PATCH" ? null : digest,
    offset: offset === null ? null : Number(offset),
  };
}

/** An upload in another algorithm than sha256 says so when it begins, so that it is hashed as it arrives. */
function startQuery(digest: string | null): string {
  const [algorithm = "sha256"] = (digest ?? "").split(":");
  return digest === null || algorithm === "sha256"
    ? ""
    : `?digest-algorithm=${encodeURIComponent(algorithm)}`;
}

/** The scopes that a request needs, for a token that the proxy gets itself. */
export function scopesOf(path: string): string[] {
  const { pathname, searchParams } = new URL(path, "http://proxy");
  if (pathname === "/v2/_catalog") return ["registry:catalog:*"];
  const name = IN_REPOSITORY.exec(pathname)?.groups?.["name"];
  if (name === undefined) return [];
  const from = searchParams.get("from");
  const source = searchParams.has("mount") && from !== null && from !== name;
  // `delete` is asked for with the rest: a token has what its holder may do of that.
  return [`repository:${name}:pull,push,delete`, ...(source ? [`repository:${from}:pull`] : [])];
}

/** The beginning of a session's name, which tells the layers of a push apart while their digests are not known. */
export function sessionOf(location: string): string {
  return (UPLOADS.exec(location.split("?")[0] ?? "")?.groups?.["session"] ?? "").slice(0, 12);
}

/** The repository, for messages. */
export function repositoryOf(path: string): string {
  return IN_REPOSITORY.exec(path)?.groups?.["name"] ?? "";
}
