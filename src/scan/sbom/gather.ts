import { sourceOfRpm, withEpoch } from "../file/rpm/names.ts";
import { isSystem, JOINTS, parsePurl, pypiName, splitEpoch, type Purl } from "../match/purl.ts";
import { FAMILIES } from "../match/trivy/request.ts";
import { type Distribution, type Package, PACKAGE_TYPES, type PackageType } from "../package.ts";

/** What an SBOM says of an image. */
export interface Sbom {
  readonly packages: readonly Package[];
  readonly distribution: Distribution | null;
  /** Why the list is not whole, a sentence each. */
  readonly problems: readonly string[];
}

/** A package as a document has it. */
export interface Entry {
  /** With its namespace, if the document has one besides the package URL. */
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** The source package, where something else than the package URL says it. */
  readonly source: Package["source"];
  readonly path: string;
}

/** A distribution as a document has it; empty where it says nothing. */
export interface System {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

const TYPES: ReadonlySet<string> = new Set(PACKAGE_TYPES.filter((type) => type !== "generic"));

/** The IDs of os-release by Trivy's names of distributions. */
const IDS: ReadonlyMap<string, string> = new Map([...FAMILIES].map(([id, family]) => [family, id]));

/** So many names of packages are in a sentence. */
const MAX_NAMED = 3;

/** Makes packages of what a document lists. Types that no advisories are asked for, as of images or files, are left out. */
export function gather(entries: readonly Entry[], systems: readonly System[]): Sbom {
  const packages: Package[] = [];
  const purls: Purl[] = [];
  const unversioned: string[] = [];
  const unnamed: string[] = [];
  for (const entry of entries) {
    const purl = parsePurl(entry.purl);
    if (purl === null) {
      unnamed.push(entry.name);
    } else if (TYPES.has(purl.type)) {
      const pkg = packageOf(entry, purl);
      if (pkg.version === "") unversioned.push(pkg.name);
      else packages.push(pkg);
      purls.push(purl);
    }
  }
  const distribution = distributionOf(systems, purls);
  const orphans = packages.filter(({ type }) => distribution === null && isSystem(type));
  return {
    packages,
    distribution,
    problems: [
      ...about(unnamed, "without a package URL"),
      ...about(unversioned, "without a version"),
      ...about(
        orphans.map(({ name }) => name),
        "of a distribution that the SBOM does not name",
      ),
      ...(systems.length > 1 ? ["The SBOM names several distributions; the first counts."] : []),
      ...(packages.length === 0 ? ["The SBOM names no package that can be matched."] : []),
    ],
  };
}

function about(names: readonly string[], what: string): readonly string[] {
  if (names.length === 0) return [];
  const listed = names.slice(0, MAX_NAMED).join(", ");
  const more = names.length > MAX_NAMED ? ", …" : "";
  return [`Packages ${what} (${names.length}): ${listed}${more}.`];
}

function packageOf(entry: Entry, purl: Purl): Package {
  const type = purl.type as PackageType;
  const name = nameOf(type, entry, purl);
  const version = versionOf(type, entry, purl);
  const system = isSystem(type);
  const source = system ? (entry.source ?? upstreamOf(type, purl, version)) : null;
  const isSame = source === null || (source.name === name && source.version === version);
  return {
    type,
    name,
    version: type === "golang" && name === "stdlib" ? version.replace(/^v?(?=\d)/, "go") : version,
    source: isSame ? null : source,
    arch: system ? (purl.qualifiers.get("arch") ?? null) : null,
    path: entry.path.replace(/^\/+/, ""),
  };
}

/** A package URL may have lost the case of a name, and what separates its words. */
function nameOf(type: PackageType, entry: Entry, { path }: Purl): string {
  const name = isSystem(type) ? (path.at(-1) ?? "") : path.join(JOINTS[type] ?? "/");
  return plainName(type, entry.name) === plainName(type, name) ? entry.name : name;
}

function plainName(type: PackageType, name: string): string {
  return type === "pypi" ? pypiName(name) : name.toLowerCase();
}

/** Returns a version with its epoch, which some write into the version and others into a qualifier. */
function versionOf(type: PackageType, entry: Entry, { version, qualifiers }: Purl): string {
  const written = version === null || version === "" ? entry.version : version;
  if (written === "" || (type !== "rpm" && type !== "deb")) return written;
  const { epoch, rest } = splitEpoch(written);
  return withEpoch(epoch === "" ? (qualifiers.get("epoch") ?? "") : epoch, rest);
}

/** Reads Syft's qualifier: a name, a name with "@" and a version, or the file's name of a source rpm, which has no epoch. */
function upstreamOf(type: PackageType, { qualifiers }: Purl, version: string): Package["source"] {
  const upstream = qualifiers.get("upstream") ?? "";
  if (upstream === "") return null;
  if (type === "rpm") return sourceOfRpm(upstream, splitEpoch(version).epoch);
  const at = upstream.indexOf("@", 1);
  return at === -1
    ? { name: upstream, version }
    : { name: upstream.slice(0, at), version: upstream.slice(at + 1) };
}

/** Takes what the document says of the distribution, else what the package URL of one of its packages does. */
function distributionOf(systems: readonly System[], purls: readonly Purl[]): Distribution | null {
  const [system] = systems;
  if (system !== undefined && (system.id || system.name) !== "") {
    const { id, name, version, description } = system;
    return {
      id: id === "" ? idOf(name) : id,
      version,
      name: description === "" ? `${name} ${version}`.trim() : description,
    };
  }
  for (const { type, qualifiers } of purls) {
    if (!isSystem(type as PackageType)) continue;
    const found = distroOf(qualifiers);
    if (found !== null) return found;
  }
  return null;
}

function idOf(name: string): string {
  const lower = name.toLowerCase();
  return IDS.get(lower) ?? lower;
}

/** Trivy and Syft write `distro=debian-12`, Docker Scout `os_name=debian&os_version=12`. */
function distroOf(qualifiers: Purl["qualifiers"]): Distribution | null {
  const [, distro = "", release = ""] =
    /^([^\d].*?)-(\d.*)$/s.exec(qualifiers.get("distro") ?? "") ?? [];
  const name = distro || (qualifiers.get("os_name") ?? "");
  const version = distro === "" ? (qualifiers.get("os_version") ?? "") : release;
  return name === "" ? null : { id: idOf(name), version, name: `${name} ${version}`.trim() };
}
