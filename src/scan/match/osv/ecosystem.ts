import type { Distribution, Package, PackageType } from "../../package.ts";

/** The ecosystems of packages that belong to a language (ossf.github.io/osv-schema, "Defined ecosystems"). */
const LANGUAGES: Readonly<Partial<Record<PackageType, string>>> = {
  npm: "npm",
  pypi: "PyPI",
  golang: "Go",
  cargo: "crates.io",
  maven: "Maven",
  gem: "RubyGems",
  composer: "Packagist",
  nuget: "NuGet",
};

interface Release {
  readonly type: PackageType;
  /** The ecosystem of a release by its VERSION_ID; null where there is none, as of a development release. */
  readonly ecosystem: (version: string) => string | null;
}

/** Distributions by the ID of os-release. OSV has no records of Amazon Linux and Oracle Linux, and of RHEL by CPE alone. */
const DISTRIBUTIONS: ReadonlyMap<string, Release> = new Map<string, Release>([
  [
    "alpine",
    { type: "apk", ecosystem: (version) => prefixed("Alpine:v", /^\d+\.\d+(?=\.\d+$|$)/, version) },
  ],
  ["wolfi", { type: "apk", ecosystem: () => "Wolfi" }],
  ["chainguard", { type: "apk", ecosystem: () => "Chainguard" }],
  ["minimos", { type: "apk", ecosystem: () => "MinimOS" }],
  ["debian", { type: "deb", ecosystem: (version) => prefixed("Debian:", /^\d+/, version) }],
  ["ubuntu", { type: "deb", ecosystem: ubuntu }],
  ["rocky", { type: "rpm", ecosystem: (version) => prefixed("Rocky Linux:", /^\d+/, version) }],
  ["almalinux", { type: "rpm", ecosystem: (version) => prefixed("AlmaLinux:", /^\d+/, version) }],
  [
    "opensuse-leap",
    { type: "rpm", ecosystem: (version) => prefixed("openSUSE:Leap ", /^\d+\.\d+/, version) },
  ],
  ["opensuse-tumbleweed", { type: "rpm", ecosystem: () => "openSUSE:Tumbleweed" }],
  ["sles", { type: "rpm", ecosystem: suse }],
  ["mageia", { type: "rpm", ecosystem: (version) => prefixed("Mageia:", /^\d+/, version) }],
  ["photon", { type: "rpm", ecosystem: (version) => prefixed("Photon OS:", /^\d+\.\d+/, version) }],
]);

function prefixed(prefix: string, pattern: RegExp, version: string): string | null {
  const found = pattern.exec(version)?.[0];
  return found === undefined ? null : prefix + found;
}

/** Releases of April in even years have long-term support, and their ecosystem says so. */
function ubuntu(version: string): string | null {
  const [, year] = /^(\d\d)\.\d\d$/.exec(version) ?? [];
  if (year === undefined) return null;
  const isLts = Number(year) % 2 === 0 && version.endsWith(".04");
  return `Ubuntu:${version}${isLts ? ":LTS" : ""}`;
}

function suse(version: string): string | null {
  const [, major, pack] = /^(\d+)(?:\.(\d+))?$/.exec(version) ?? [];
  if (major === undefined) return null;
  return `SUSE:Linux Enterprise Server ${major}${pack === undefined ? "" : ` SP${pack}`}`;
}

/** A name under which an ecosystem may know a package, and the version that its records speak of. */
export interface Subject {
  readonly ecosystem: string;
  readonly name: string;
  readonly version: string;
}

/** Returns the ecosystem of a package; null where OSV has none for it. */
export function ecosystemOf(type: PackageType, distribution: Distribution | null): string | null {
  const language = LANGUAGES[type];
  if (language !== undefined) return language;
  const release = distribution === null ? undefined : DISTRIBUTIONS.get(distribution.id);
  if (distribution === null || release?.type !== type) return null;
  return release.ecosystem(distribution.version);
}

/**
 * Returns the names to ask OSV for. Records of distributions name the source package; those of rpm distributions name either,
 * so these are asked for both.
 */
export function subjectsOf(pkg: Package, distribution: Distribution | null): readonly Subject[] {
  const ecosystem = ecosystemOf(pkg.type, distribution);
  if (ecosystem === null) return [];
  const own = { ecosystem, name: nameOf(pkg), version: versionOf(pkg) };
  if (pkg.source === null || pkg.type in LANGUAGES) return [own];
  const source = { ecosystem, ...pkg.source };
  return pkg.type === "rpm" && source.name !== own.name ? [own, source] : [source];
}

/** The spelling that the ecosystem's records have. */
function nameOf({ type, name }: Package): string {
  if (type === "pypi") return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
  return type === "composer" ? name.toLowerCase() : name;
}

/** Go's versions have a "v" or "go" before them, which records leave out. */
function versionOf({ type, version }: Package): string {
  return type === "golang" ? version.replace(/^(?:v|go)/, "") : version;
}

/** Tells whether a record's names are those of a subject. NuGet's names have no case. */
export function isNamed(
  { ecosystem, name }: { readonly ecosystem: string; readonly name: string },
  subject: Subject,
): boolean {
  if (ecosystem !== subject.ecosystem && ecosystem !== subject.ecosystem.replace(/:LTS$/, "")) {
    return false;
  }
  if (ecosystem === "NuGet") return name.toLowerCase() === subject.name.toLowerCase();
  if (ecosystem === "PyPI") return name.toLowerCase().replaceAll(/[-_.]+/g, "-") === subject.name;
  return name === subject.name;
}
