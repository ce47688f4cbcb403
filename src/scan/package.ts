/** The types of package URLs that a scan finds; "generic" where a scanner's report does not say which it is. */
export const PACKAGE_TYPES = [
  "apk",
  "deb",
  "rpm",
  "npm",
  "pypi",
  "golang",
  "cargo",
  "maven",
  "gem",
  "composer",
  "nuget",
  "generic",
] as const;
export type PackageType = (typeof PACKAGE_TYPES)[number];

/** A package found in an image, by the names that advisories use. */
export interface Package {
  readonly type: PackageType;
  readonly name: string;
  readonly version: string;
  /** The source package and its version, which distributions' advisories name; null where it is the package itself. */
  readonly source: { readonly name: string; readonly version: string } | null;
  readonly arch: string | null;
  /** The file that names it. */
  readonly path: string;
}

/** A package with the digest of the layer that brought it; null where that is not known. */
export interface LayerPackage extends Package {
  readonly layer: string | null;
}

/** What os-release says: ID, VERSION_ID, PRETTY_NAME. */
export interface Distribution {
  readonly id: string;
  readonly version: string;
  readonly name: string;
}
