import type { Distribution, Package, PackageType } from "../package.ts";

/** A longer package URL is cut. */
const MAX_CHARS = 2_048;

/** The types whose name in a package URL has a namespace before it, with what joins the two in our names. */
export const JOINTS: Readonly<Record<string, string>> = {
  npm: "/",
  golang: "/",
  composer: "/",
  maven: ":",
};

/**
 * Returns the package URL of a package (github.com/package-url/purl-spec). A source package is in the qualifier "upstream",
 * as Syft writes it.
 * @param distribution the namespace of packages of a distribution; without it they have none
 */
export function purlOf(pkg: Package, distribution: Distribution | null): string {
  const { type } = pkg;
  const joint = JOINTS[type];
  const named = type === "pypi" ? pypiName(pkg.name) : pkg.name;
  const parts = joint === undefined ? [named] : named.split(joint);
  if (isSystem(type) && distribution !== null) parts.unshift(distribution.id);
  const path = parts.map(encode).join("/");
  const query = qualifiersOf(pkg, distribution)
    .map(([key, value]) => `${key}=${encode(value)}`)
    .join("&");
  const version = encode(writtenVersion(pkg));
  return `pkg:${type}/${path}@${version}${query === "" ? "" : `?${query}`}`;
}

/** Half a surrogate pair, which a file's name may have, has no encoding. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Tells whether packages of a type are a distribution's. */
export function isSystem(type: PackageType): boolean {
  return type === "apk" || type === "deb" || type === "rpm";
}

/** In the order of their keys, as the spec has it. */
function qualifiersOf(
  { type, version, arch, source }: Package,
  distribution: Distribution | null,
): readonly (readonly [string, string])[] {
  const { epoch, rest } = splitEpoch(version);
  return [
    ...(arch === null ? [] : [["arch", arch] as const]),
    ...(isSystem(type) && distribution !== null
      ? [["distro", `${distribution.id}-${distribution.version}`] as const]
      : []),
    ...(type === "rpm" && epoch !== "" ? [["epoch", epoch] as const] : []),
    ...(source === null || !isSystem(type)
      ? []
      : [["upstream", upstreamOf(type, source, type === "rpm" ? rest : version)] as const]),
  ];
}

/** The source package, with its version where that differs from the package's; for rpm the name of the source's file. */
function upstreamOf(type: PackageType, source: Source, version: string): string {
  if (type === "rpm") return `${source.name}-${splitEpoch(source.version).rest}.src.rpm`;
  return source.version === version ? source.name : `${source.name}@${source.version}`;
}

type Source = NonNullable<Package["source"]>;

/** An rpm's epoch is a qualifier. Go's standard library has the version that modules would have. */
function writtenVersion({ type, version }: Package): string {
  if (type === "rpm") return splitEpoch(version).rest;
  return type === "golang" ? version.replace(/^go/, "v") : version;
}

/** Splits "epoch:version"; the epoch is empty if there is none. */
export function splitEpoch(version: string): { readonly epoch: string; readonly rest: string } {
  const [, epoch = "", rest = version] = /^(\d+):(.*)$/s.exec(version) ?? [];
  return { epoch, rest };
}

/** A package URL in parts; the subpath is left out. */
export interface Purl {
  readonly type: string;
  /** Namespace and name. */
  readonly path: readonly string[];
  readonly version: string | null;
  readonly qualifiers: ReadonlyMap<string, string>;
}

/** Parses a package URL; null for what is none. */
export function parsePurl(text: string): Purl | null {
  const [, body = "", query = ""] =
    /^pkg:\/{0,2}([^?#]+)(?:\?([^#]*))?/.exec(text.slice(0, MAX_CHARS)) ?? [];
  const at = body.lastIndexOf("@");
  // An "@" before the last slash is that of an npm scope.
  const hasVersion = at > body.lastIndexOf("/");
  const [type = "", ...path] = (hasVersion ? body.slice(0, at) : body).split("/");
  try {
    const decoded = path.map(decodeURIComponent);
    if (type === "" || decoded.length === 0 || decoded.includes("")) return null;
    const version = hasVersion ? decodeURIComponent(body.slice(at + 1)) : null;
    return { type: type.toLowerCase(), path: decoded, version, qualifiers: parseQualifiers(query) };
  } catch {
    // A "%" that begins no character: it is no package URL.
    return null;
  }
}

function parseQualifiers(query: string): ReadonlyMap<string, string> {
  const pairs = query.split("&").filter((pair) => pair.includes("="));
  return new Map(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).toLowerCase(), decodeURIComponent(pair.slice(at + 1))];
    }),
  );
}

/** Tells whether a package URL names a package: any version of it, if the URL has none. */
export function namesPackage(purl: Purl, pkg: Package): boolean {
  const { type, path, version, qualifiers } = purl;
  if (type !== pkg.type) return false;
  if (version !== null && !isVersionOf(version, qualifiers.get("epoch") ?? "0", pkg)) return false;
  const joint = JOINTS[type];
  // The namespace of a distribution's package is the distribution, which the image has but one of.
  const name = joint === undefined ? (path.at(-1) ?? "") : path.join(joint);
  return type === "pypi" ? pypiName(name) === pypiName(pkg.name) : name === pkg.name;
}

/** Some write the epoch into a qualifier, some into the version, and the version of Go's standard library without a letter. */
function isVersionOf(version: string, epoch: string, pkg: Package): boolean {
  if (version === pkg.version) return true;
  if (isSystem(pkg.type)) return `${epoch}:${version}` === pkg.version;
  return pkg.type === "golang" && bareVersion(version) === bareVersion(pkg.version);
}

function bareVersion(version: string): string {
  return version.replace(/^(?:v|go)/, "");
}

/** The spelling of a Python package that names are compared by (PEP 503). */
export function pypiName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}
