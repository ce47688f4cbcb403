import type { Distribution, Package, PackageType } from "../../package.ts";

/** What is matched: the packages of one image of one platform. */
export interface TrivyImage {
  /** Shown in the server's log alone. */
  readonly target: string;
  /** The server caches by it: one text for each list of packages, such as the list's digest. */
  readonly listId: string;
  readonly packages: readonly Package[];
  readonly distribution: Distribution | null;
}

/** Trivy's families by the ID of os-release, where they differ. */
export const FAMILIES: ReadonlyMap<string, string> = new Map([
  ["almalinux", "alma"],
  ["amzn", "amazon"],
  ["mariner", "cbl-mariner"],
  ["ol", "oracle"],
  ["opensuse-leap", "opensuse.leap"],
  ["opensuse-tumbleweed", "opensuse.tumbleweed"],
  ["rhel", "redhat"],
  ["sles", "suse linux enterprise server"],
]);

/** Trivy's types of applications. An unknown one fails the whole scan. */
const APPLICATIONS: Readonly<Partial<Record<PackageType, string>>> = {
  npm: "node-pkg",
  pypi: "python-pkg",
  golang: "gobinary",
  cargo: "rustbinary",
  maven: "jar",
  gem: "gemspec",
  composer: "composer-vendor",
  nuget: "dotnet-core",
};

/** Returns the id that a package has in a request, by which its findings name it: its place in the list. */
export function idOf(index: number, { name, version }: Package): string {
  return `${index}:${name}@${version}`;
}

/** The body of `Cache/PutBlob`: all packages as if they were of one layer. */
export function blobOf({ listId, packages, distribution }: TrivyImage): unknown {
  const numbered = packages.map((pkg, i) => ({ id: idOf(i, pkg), pkg }));
  const system = numbered.filter(({ pkg }) => APPLICATIONS[pkg.type] === undefined);
  const applications = Object.entries(APPLICATIONS).map(([type, application]) => ({
    application,
    members: numbered.filter(({ pkg }) => pkg.type === type),
  }));
  return {
    diff_id: listId,
    blob_info: {
      schema_version: 2,
      digest: listId,
      diff_id: listId,
      ...(distribution === null ? {} : { os: osOf(distribution) }),
      package_infos: [{ file_path: "", packages: system.map(systemPackage) }],
      applications: applications
        .filter(({ members }) => members.length > 0)
        .map(({ application, members }) => {
          const listed = members.map(libraryOf);
          // The name was "libraries" before it was "packages"; servers leave out what they do not know.
          return { type: application, file_path: "", packages: listed, libraries: listed };
        }),
    },
  };
}

/** The body of `Cache/PutArtifact`. */
export function artifactOf({ listId }: TrivyImage): unknown {
  return { artifact_id: listId, artifact_info: { schema_version: 1 } };
}

/** The body of `Cache/MissingBlobs`. */
export function missingOf({ listId }: TrivyImage): unknown {
  return { artifact_id: listId, blob_ids: [listId] };
}

/** The body of `Scanner/Scan`. */
export function scanOf({ target, listId }: TrivyImage): unknown {
  const types = ["os", "library"];
  return {
    target,
    artifact_id: listId,
    blob_ids: [listId],
    // A server that does not know the name it gets finds nothing and says nothing: "vuln_type" became "pkg_types".
    options: { pkg_types: types, vuln_type: types, scanners: ["vuln"] },
  };
}

function osOf({ id, version }: Distribution): unknown {
  return { family: FAMILIES.get(id) ?? id, name: version };
}

interface Numbered {
  readonly id: string;
  readonly pkg: Package;
}

function systemPackage({ id, pkg: { name, version, arch, source } }: Numbered): unknown {
  return {
    id,
    name,
    version,
    ...(arch === null ? {} : { arch }),
    src_name: source?.name ?? name,
    src_version: source?.version ?? version,
  };
}

/** Go's standard library has the version of Go, which Trivy writes as it does modules'. */
function libraryOf({ id, pkg: { name, type, version, path } }: Numbered): unknown {
  const written = type === "golang" ? version.replace(/^go/, "v") : version;
  return { id, name, version: written, file_path: path };
}
