/** Advisories about the packages of images, as Trivy's database and OSV have them. */
import type { Distribution, Package, PackageType } from "../../src/scan/package.ts";
import type { Row } from "./database.ts";

/** Where an advisory is: in which bucket of Trivy's database, and which ecosystem of OSV. */
interface Place {
  readonly bucket: string;
  readonly ecosystem: string;
}

export interface Advisory extends Place {
  readonly id: string;
  readonly type: PackageType;
  readonly name: string;
  /** The versions below it are vulnerable; all are without it. */
  readonly fixed: string | null;
}

/** Distributions of the images. Each text is spelled out, since how Slipway makes them is what is tested. */
const DISTRIBUTIONS: Readonly<Record<string, Place>> = {
  "alpine 3.19.1": { bucket: "alpine 3.19", ecosystem: "Alpine:v3.19" },
  "alpine 3.22.0": { bucket: "alpine 3.22", ecosystem: "Alpine:v3.22" },
  "wolfi 20230201": { bucket: "wolfi", ecosystem: "Wolfi" },
  "debian 12": { bucket: "debian 12", ecosystem: "Debian:12" },
  "ubuntu 22.04": { bucket: "ubuntu 22.04", ecosystem: "Ubuntu:22.04:LTS" },
  "rocky 9.3": { bucket: "rocky 9", ecosystem: "Rocky Linux:9" },
  "opensuse-leap 15.5": { bucket: "openSUSE Leap 15.5", ecosystem: "openSUSE:Leap 15.5" },
};

const LANGUAGES: Readonly<Partial<Record<PackageType, Place>>> = {
  npm: { bucket: "npm::GitHub Security Advisory npm", ecosystem: "npm" },
  pypi: { bucket: "pip::GitHub Security Advisory pip", ecosystem: "PyPI" },
  golang: { bucket: "go::GitHub Security Advisory Go", ecosystem: "Go" },
  cargo: { bucket: "cargo::GitHub Security Advisory Rust", ecosystem: "crates.io" },
  maven: { bucket: "maven::GitHub Security Advisory Maven", ecosystem: "Maven" },
  gem: { bucket: "rubygems::GitHub Security Advisory RubyGems", ecosystem: "RubyGems" },
  composer: { bucket: "composer::GitHub Security Advisory Composer", ecosystem: "Packagist" },
  nuget: { bucket: "nuget::GitHub Security Advisory NuGet", ecosystem: "NuGet" },
};

const SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

export interface Found {
  readonly packages: readonly Package[];
  readonly distribution: Distribution | null;
}

/**
 * Returns three advisories about each version of each package: the next version is the fixed one, this version is, or none is. A
 * package that is in images at several versions so has some for the others too.
 */
export function advisoriesOf(images: readonly Found[]): readonly Advisory[] {
  const subjects = new Map<string, Omit<Advisory, "id" | "fixed"> & { version: string }>();
  for (const { packages, distribution } of images) {
    for (const pkg of packages) {
      const language = LANGUAGES[pkg.type];
      const place = language ?? DISTRIBUTIONS[`${distribution?.id} ${distribution?.version}`];
      if (place === undefined) throw new Error(`no advisories for ${distribution?.name}`);
      const { name, version } = language === undefined ? sourceOf(pkg) : pkg;
      const subject = { ...place, type: pkg.type, name, version: plain(pkg.type, version) };
      subjects.set(JSON.stringify(subject), subject);
    }
  }
  return [...subjects.values()].flatMap(({ version, ...subject }, i) =>
    [next(subject.type, version), version, null].map((fixed, kind) => ({
      ...subject,
      id: `CVE-${2097 + kind}-${10_000 + i}`,
      fixed,
    })),
  );
}

/** Advisories of Rocky Linux and openSUSE name the package itself, those of the others the source package. */
function sourceOf(pkg: Package): { name: string; version: string } {
  return pkg.type === "rpm" || pkg.source === null ? pkg : pkg.source;
}

/** Advisories about Go have versions without what Go writes before them. */
function plain(type: PackageType, version: string): string {
  return type === "golang" ? version.replace(/^(?:go|v)/, "") : version;
}

/** A version right after another one. */
function next(type: PackageType, version: string): string {
  if (type === "deb") return `${version}+1`;
  if (type === "rpm") return `${version}.1`;
  return version.replace(/\d+(?=\D*$)/, (digits) => `${Number(digits) + 1}`);
}

/** Returns the rows of Trivy's database. */
export function trivyRows(advisories: readonly Advisory[]): readonly Row[] {
  const buckets = new Set(advisories.map(({ bucket }) => bucket));
  const sources = [...buckets].map((bucket): Row => {
    const source = { ID: bucket, Name: bucket, URL: "https://example.com/" };
    return ["data-source", bucket, source];
  });
  const rows = advisories.flatMap((advisory, i): Row[] => {
    const { bucket, name, id, type } = advisory;
    const severity = SEVERITIES[i % SEVERITIES.length];
    return [
      ...trivyNames(type, name).map((one): Row => [bucket, one, id, trivyValue(advisory)]),
      ["vulnerability", id, { Title: `About ${name}`, Severity: severity }],
    ];
  });
  return [...sources, ...rows];
}

/**
 * Trivy's database has names of languages in lower case, but for Go's; older releases ask for NuGet's as they are. PEP 426, which it
 * follows, has no rule for dots.
 */
function trivyNames(type: PackageType, name: string): readonly string[] {
  if (LANGUAGES[type] === undefined || type === "golang") return [name];
  const lower = name.toLowerCase();
  if (type === "nuget") return [...new Set([name, lower])];
  return [type === "pypi" ? lower.replaceAll("_", "-") : lower];
}

function trivyValue({ type, fixed }: Advisory): object {
  const isSystem = LANGUAGES[type] === undefined;
  // 5 is "will not fix".
  if (isSystem) return fixed === null ? { Status: 5 } : { FixedVersion: fixed };
  return fixed === null
    ? { VulnerableVersions: [">=0"] }
    : { VulnerableVersions: [`<${fixed}`], PatchedVersions: [fixed] };
}

/** Returns the record of OSV. */
export function osvRecord({ id, type, name, ecosystem, fixed }: Advisory): object {
  const named = type === "pypi" ? name.toLowerCase().replaceAll(/[-_.]+/g, "-") : name;
  const events = [{ introduced: "0" }, ...(fixed === null ? [] : [{ fixed }])];
  const kind = type === "golang" || type === "cargo" || type === "npm" ? "SEMVER" : "ECOSYSTEM";
  return {
    id,
    modified: MODIFIED,
    summary: `About ${name}`,
    affected: [{ package: { ecosystem, name: named }, ranges: [{ type: kind, events }] }],
  };
}

export const MODIFIED = "2026-01-01T00:00:00Z";
