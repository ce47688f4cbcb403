import type { Distribution, Package } from "../package.ts";

/** The types whose name in a package URL has a namespace before it, with what joins the two in our names. */
const JOINTS: Readonly<Record<string, string>> = {
  npm: "/",
  golang: "/",
  composer: "/",
  maven: ":",
};

/**
 * Returns the package URL of a package (github.com/package-url/purl-spec).
 * @param distribution the namespace of packages of a distribution; without it they have none
 */
export function purlOf(pkg: Package, distribution: Distribution | null): string {
  const { type, version, arch } = pkg;
  const joint = JOINTS[type];
  const isLanguage = joint !== undefined || !["apk", "deb", "rpm"].includes(type);
  const named = type === "pypi" ? pypiName(pkg.name) : pkg.name;
  const parts = joint === undefined ? [named] : named.split(joint);
  if (!isLanguage && distribution !== null) parts.unshift(distribution.id);
  const path = parts.map(encodeURIComponent).join("/");
  const qualifiers = [
    ...(arch === null ? [] : [["arch", arch]]),
    ...(isLanguage || distribution === null
      ? []
      : [["distro", `${distribution.id}-${distribution.version}`]]),
  ].map(([key, value = ""]) => `${key}=${encodeURIComponent(value)}`);
  const query = qualifiers.length === 0 ? "" : `?${qualifiers.join("&")}`;
  return `pkg:${type}/${path}@${encodeURIComponent(version)}${query}`;
}

/** A package URL in parts; qualifiers and subpath are left out. */
export interface Purl {
  readonly type: string;
  /** Namespace and name. */
  readonly path: readonly string[];
  readonly version: string | null;
}

/** Parses a package URL; null for what is none. */
export function parsePurl(text: string): Purl | null {
  const [, body = ""] = /^pkg:\/{0,2}([^?#]+)/.exec(text.slice(0, 2_048)) ?? [];
  const at = body.lastIndexOf("@");
  // An "@" before the last slash is that of an npm scope.
  const hasVersion = at > body.lastIndexOf("/");
  const [type = "", ...path] = (hasVersion ? body.slice(0, at) : body).split("/");
  try {
    const decoded = path.map(decodeURIComponent);
    if (type === "" || decoded.length === 0 || decoded.includes("")) return null;
    const version = hasVersion ? decodeURIComponent(body.slice(at + 1)) : null;
    return { type: type.toLowerCase(), path: decoded, version };
  } catch {
    // A "%" that begins no character: it is no package URL.
    return null;
  }
}

/** Tells whether a package URL names a package: any version of it, if the URL has none. */
export function namesPackage({ type, path, version }: Purl, pkg: Package): boolean {
  if (type !== pkg.type || (version !== null && version !== pkg.version)) return false;
  const joint = JOINTS[type];
  // The namespace of a distribution's package is the distribution, which the image has but one of.
  const name = joint === undefined ? (path.at(-1) ?? "") : path.join(joint);
  return type === "pypi" ? pypiName(name) === pypiName(pkg.name) : name === pkg.name;
}

function pypiName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}
